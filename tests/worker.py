"""
What an application does: one transaction of one persona at a time, with a ledger.

A worker acts as the users of its share, writes only their rows and keeps what it has
written; it is also a stranger to other users' plans, anonymous, and the service. Every
statement is timed, and every answer is compared with what the persona must get.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from learnplan_db.errors import LearnplanError
from learnplan_db.security.personas import acting_as

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Connection = psycopg.Connection[Any]

# What was there before, of one user, one plan, one module; every other plan is public.
USERS, PLANS, MODULES, TASKS = 12, 4, 4, 10
WORKERS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that was there before the traffic."""

    sub: str
    public: bool
    id: Any
    modules: list[Any]


@dataclass(slots=True)
class Ledger:
    """
    What the traffic has written, and what it met.

    ``rows`` are by table and id what columns must hold now, None for a row that is
    gone; ``wrong`` are errors and wrong answers; ``longest`` is the longest statement.
    """

    rows: dict[str, dict[Any, dict[str, Any] | None]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    longest: tuple[float, str] = (0.0, "")

    def write(self, table: str, key: Any, **columns: Any) -> None:
        """Note columns of a row."""
        rows = self.rows.setdefault(table, {})
        rows[key] = (rows.get(key) or {}) | columns

    def forget(self, table: str, key: Any) -> None:
        """Note that a row is gone."""
        self.rows.setdefault(table, {})[key] = None


class Worker:
    """
    One thread of the application, with a session for users and one for the system.

    Args: app, service: conninfo of their logins; plans: all; number: its share.
    """

    def __init__(self, app: str, service: str, plans: list[Plan], number: int) -> None:
        self.random = random.Random(number)  # noqa: S311 - the same every time
        self.ledger = Ledger()
        subs = sorted({plan.sub for plan in plans})
        self.own = [p for p in plans if subs.index(p.sub) % WORKERS == number]
        self.others = [p for p in plans if p not in self.own]
        self.sizes: dict[Any, int] = {}  # tasks that the ledger has added to a module
        self.added: list[tuple[Plan, Any, Any]] = []
        self.app = psycopg.connect(app, autocommit=True)
        self.service = psycopg.connect(service, autocommit=True)
        self.name = ""

    def close(self) -> None:
        """Close both sessions."""
        self.app.close()
        self.service.close()

    def step(self) -> None:
        """Do one transaction of one persona; note it, or what went wrong."""
        acts: list[Callable[[], None]] = [
            *(self.read_own, self.read_own, self.progress, self.progress, self.edit),
            *(self.add, self.reorder, self.remove, self.views, self.read_public),
            *(self.read_private, self.edit_private, self.anonymous, self.generate),
            *(self.catalog, self.count),
        ]
        act = self.random.choice(acts)
        self.name = act.__name__
        try:
            act()
        except psycopg.Error as error:
            self.wrong(f"{error.sqlstate} {error}")
        except (
            LearnplanError,
            LookupError,
            ValueError,
        ) as error:  # no row to go on with
            self.wrong(repr(error))
        counts = self.ledger.counts
        counts[self.name] = counts.get(self.name, 0) + 1

    def wrong(self, what: str) -> None:
        """Note what an application would not expect."""
        self.ledger.wrong.append(f"{self.name}: {what}")

    def expect(self, expected: object, found: object, what: str) -> bool:
        """Tell whether an answer is what the persona must get; note it if not."""
        if expected != found:
            self.wrong(f"{what}: {found!r} instead of {expected!r}")
        return expected == found

    def ask(self, statement: str, *values: Any, system: bool = False) -> list[Any]:
        """Run one statement, timed; return its rows, or how many it wrote."""
        connection = self.service if system else self.app
        began = time.monotonic()
        cursor = connection.execute(statement.encode(), values)
        rows = cursor.fetchall() if cursor.description else [(cursor.rowcount,)]
        took = time.monotonic() - began, f"{self.name}: {statement}"
        self.ledger.longest = max(self.ledger.longest, took)
        return rows

    def owner(self) -> tuple[Plan, Any, AbstractContextManager[Connection]]:
        """Return a plan of the share, one of its modules, and the block of its owner."""
        plan = self.random.choice(self.own)
        module = self.random.choice(plan.modules)
        return plan, module, acting_as(self.app, sub=plan.sub)

    def read_own(self) -> None:
        """The owner reads tasks, their resources and their progress."""
        plan, module, block = self.owner()
        with block:
            tasks = self.ask(
                'select id, title, "order" from learnplan.tasks where module_id = %s'
                ' order by "order"',
                module,
            )
            links = self.ask(
                "select t.id, r.url, tp.status from learnplan.tasks as t"
                " left join learnplan.task_resources as tr on tr.task_id = t.id"
                " left join learnplan.resources as r on r.id = tr.resource_id"
                " left join learnplan.task_progress as tp on tp.task_id = t.id"
                " inner join learnplan.modules as m on m.id = t.module_id"
                " where m.plan_id = %s",
                plan.id,
            )
        self.expect(TASKS + self.sizes.get(module, 0), len(tasks), "own tasks")
        total = MODULES * TASKS + sum(self.sizes.get(m, 0) for m in plan.modules)
        self.expect(total, len({row[0] for row in links}), "own plan")

    def progress(self) -> None:
        """The owner records progress, which is there or not."""
        _, module, block = self.owner()
        status = self.random.choice(["not_started", "in_progress", "completed"])
        with block:
            tasks = self.ask(
                "select id from learnplan.tasks where module_id = %s", module
            )
            [task] = self.random.choice(tasks)
            [[key]] = self.ask(
                "insert into learnplan.task_progress (task_id, user_id, status)"
                " values (%s, learnplan.current_user_id(), %s)"
                " on conflict (task_id, user_id) do update set status = excluded.status"
                " returning id",
                *(task, status),
            )
        self.ledger.write("task_progress", key, task_id=task, status=status)

    def edit(self) -> None:
        """The owner renames a task."""
        _, module, block = self.owner()
        title = f"Task {self.random.random()}"
        with block:
            tasks = self.ask(
                "select id from learnplan.tasks where module_id = %s", module
            )
            [task] = self.random.choice(tasks)
            statement = "update learnplan.tasks set title = %s where id = %s"
            written = self.ask(statement, title, task)
        if self.expect([(1,)], written, "own task"):
            self.ledger.write("tasks", task, title=title)

    def add(self) -> None:
        """The owner adds a task at the end of a module."""
        plan, module, block = self.owner()
        with block:
            [[task, order]] = self.ask(
                'insert into learnplan.tasks (module_id, "order", title,'
                " estimated_minutes) select %s, max(\"order\") + 1, 'New', 5"
                ' from learnplan.tasks where module_id = %s returning id, "order"',
                *(module, module),
            )
        self.sizes[module] = self.sizes.get(module, 0) + 1
        self.added.append((plan, module, task))
        self.ledger.write("tasks", task, title="New", module_id=module, order=order)

    def reorder(self) -> None:
        """The owner puts the tasks of a module in another order."""
        _, module, block = self.owner()
        with block:
            rows = self.ask(
                "select id from learnplan.tasks where module_id = %s", module
            )
            tasks = [task for (task,) in rows]
            self.random.shuffle(tasks)
            self.ask("select learnplan.reorder_tasks(%s, %s)", module, tasks)
        for place, task in enumerate(tasks, 1):
            self.ledger.write("tasks", task, order=place)

    def remove(self) -> None:
        """The owner deletes a task that was added, with its progress."""
        if not self.added:
            return
        plan, module, task = self.added.pop(self.random.randrange(len(self.added)))
        with acting_as(self.app, sub=plan.sub):
            written = self.ask("delete from learnplan.tasks where id = %s", task)
        if not self.expect([(1,)], written, "own task"):
            return
        self.sizes[module] -= 1
        self.ledger.forget("tasks", task)
        for key, row in self.ledger.rows.get("task_progress", {}).items():
            if row and row["task_id"] == task:
                self.ledger.forget("task_progress", key)

    def views(self) -> None:
        """The owner looks at the dashboard."""
        plan, _, block = self.owner()
        with block:
            [[total, modules]] = self.ask(
                "select total_tasks, (select count(*) from learnplan.module_progress"
                " as mp where mp.plan_id = pp.plan_id)"
                " from learnplan.plan_progress as pp where plan_id = %s",
                plan.id,
            )
        added = sum(self.sizes.get(m, 0) for m in plan.modules)
        self.expect((MODULES * TASKS + added, MODULES), (total, modules), "dashboard")

    def _stranger(self, *, public: bool) -> tuple[Plan, AbstractContextManager[Any]]:
        plan = self.random.choice([p for p in self.others if p.public == public])
        return plan, acting_as(self.app, sub=self.random.choice(self.own).sub)

    def read_public(self) -> None:
        """A stranger reads a public plan: at least what was there."""
        plan, block = self._stranger(public=True)
        statement = "select count(*) from learnplan.tasks where module_id = any(%s)"
        with block:
            [[found]] = self.ask(statement, plan.modules)
        self.expect(True, found >= MODULES * TASKS, f"public tasks {found}")  # noqa: FBT003

    def read_private(self) -> None:
        """A stranger sees nothing of a private plan."""
        plan, block = self._stranger(public=False)
        statement = "select id from learnplan.tasks where module_id = any(%s)"
        with block:
            self.expect([], self.ask(statement, plan.modules), "private tasks")

    def edit_private(self) -> None:
        """A stranger changes nothing, of a public plan neither."""
        plan, block = self._stranger(public=self.random.random() < 0.5)
        statement = "update learnplan.tasks set title = 'x' where module_id = any(%s)"
        with block:
            self.expect([(0,)], self.ask(statement, plan.modules), "others' tasks")

    def anonymous(self) -> None:
        """Who did not sign in reads nothing, and is told so."""
        try:
            with acting_as(self.app, role="anon"):
                self.wrong(f"sees {self.ask('select count(*) from learnplan.tasks')}")
        except psycopg.errors.InsufficientPrivilege:
            pass

    def generate(self) -> None:
        """The service records a generation."""
        plan = self.random.choice(self.own)
        with acting_as(self.service, role="service_role"):
            [[key]] = self.ask(
                "insert into learnplan.plan_generations (plan_id, model, prompt)"
                " values (%s, 'model-2', '{\"n\": 0}') returning id",
                plan.id,
                system=True,
            )
        self.ledger.write("plan_generations", key, model="model-2", plan_id=plan.id)

    def catalog(self) -> None:
        """The service adds a resource and links it, and a user signs up."""
        n = self.random.random()
        user = (f"new_{n}", f"{n}@example.org")
        with acting_as(self.service, role="service_role"):
            [[key]] = self.ask(
                "insert into learnplan.resources (type, title, url)"
                " values ('doc', %s, %s) returning id",
                *(f"New {n}", f"https://example.org/new/{n}"),
                system=True,
            )
            [[who]] = self.ask(
                "insert into learnplan.users (clerk_user_id, email) values (%s, %s)"
                " returning id",
                *user,
                system=True,
            )
        self.ledger.write("resources", key, title=f"New {n}")
        self.ledger.write("users", who, clerk_user_id=user[0], email=user[1])

    def count(self) -> None:
        """The service counts tasks over all plans."""
        statement = "select count(*) from learnplan.tasks"
        with acting_as(self.service, role="service_role"):
            [[found]] = self.ask(statement, system=True)
        least = USERS * PLANS * MODULES * TASKS
        self.expect(True, found >= least, f"all tasks {found}")  # noqa: FBT003
