"""
A release after v1.0.0, a database with rows, and an application at work on it.

The release is tests/upgrade: its plan goes on where the packaged one ends.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fix_database import _login
from learnplan_db.engine import runner, session, state
from learnplan_db.settings import config
from worker import MODULES, PLANS, TASKS, USERS, WORKERS, Plan, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from fix_database import TestServer

UPGRADE = Path(__file__).parent / "upgrade"
PAUSE = 0.008  # seconds between two transactions of a worker
POPULATE = f"""
insert into learnplan.users (clerk_user_id, email, name)
select 'user_' || n, 'user_' || n || '@example.org', 'User ' || n
from generate_series(1, {USERS}) as n;
insert into learnplan.learning_plans
  (user_id, topic, skill_level, weekly_hours, learning_style, visibility)
select u.id, 'Topic ' || n, 'beginner', 5, 'mixed',
  case when n % 2 = 0 then 'public' else 'private' end
from learnplan.users as u, generate_series(1, {PLANS}) as n;
insert into learnplan.modules (plan_id, "order", title, estimated_minutes)
select p.id, n, 'Module ' || n, 60
from learnplan.learning_plans as p, generate_series(1, {MODULES}) as n;
insert into learnplan.tasks (module_id, "order", title, estimated_minutes)
select m.id, n, 'Task ' || n, 5 * n
from learnplan.modules as m, generate_series(1, {TASKS}) as n;
insert into learnplan.resources (type, title, url)
select 'doc', 'Resource ' || n, 'https://example.org/' || n
from generate_series(1, 100) as n;
insert into learnplan.task_resources (task_id, resource_id, "order")
select t.id, r.id, 1 from learnplan.tasks as t
inner join learnplan.resources as r on r.title = 'Resource ' || t."order";
insert into learnplan.task_progress (task_id, user_id, status)
select t.id, p.user_id, 'in_progress' from learnplan.tasks as t
inner join learnplan.modules as m on m.id = t.module_id
inner join learnplan.learning_plans as p on p.id = m.plan_id where t."order" = 1;
insert into learnplan.plan_generations (plan_id, model, prompt)
select p.id, 'model-1', jsonb_build_object('topic', p.topic, 'n', n)
from learnplan.learning_plans as p, generate_series(1, 40) as n;
analyze;
"""
PLAN_OF = """
select u.clerk_user_id, p.visibility, p.id, array(
  select m.id from learnplan.modules as m where m.plan_id = p.id order by m."order")
from learnplan.learning_plans as p inner join learnplan.users as u on u.id = p.user_id
order by u.clerk_user_id, p.topic"""
TABLES = (
    *("users", "learning_plans", "modules", "tasks", "resources", "task_resources"),
    *("task_progress", "plan_generations"),
)
Written = dict[str, dict[Any, dict[str, Any] | None]]


class Traffic:
    """Workers in threads, from entering the block to its end."""

    def __init__(self, admin: str, app: str, service: str) -> None:
        with psycopg.connect(admin) as looking:
            plans = [
                Plan(sub, shown == "public", key, modules)
                for sub, shown, key, modules in looking.execute(PLAN_OF)
            ]
        self.workers = [Worker(app, service, plans, n) for n in range(WORKERS)]
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=[worker], daemon=True)
            for worker in self.workers
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(60)
        for worker in self.workers:
            worker.close()

    def _work(self, worker: Worker) -> None:
        while not self._end.wait(PAUSE):
            worker.step()

    @property
    def wrong(self) -> list[str]:
        """What no application would expect."""
        return [one for worker in self.workers for one in worker.ledger.wrong]

    @property
    def longest(self) -> tuple[float, str]:
        """The longest statement, in seconds, and which it was."""
        return max(worker.ledger.longest for worker in self.workers)

    @property
    def counts(self) -> dict[str, int]:
        """How many transactions of each kind there were."""
        found: dict[str, int] = {}
        for worker in self.workers:
            for name, count in worker.ledger.counts.items():
                found[name] = found.get(name, 0) + count
        return found

    def rows(self) -> Written:
        """What all have written, by table and id."""
        found: Written = {}
        for worker in self.workers:
            for table, rows in worker.ledger.rows.items():
                found.setdefault(table, {}).update(rows)
        return found


@dataclass(frozen=True, slots=True)
class Release:
    """A project that goes on after the packaged plan, and the tag at which that ends."""

    root: Path
    base: str
    names: list[str]

    def add(self, name: str, deploy: str) -> None:
        """Plan one change more, whose revert does nothing."""
        when = "2027-02-01T00:00:00Z Dee Ba <dee@example.org>"
        with (self.root / "sql" / "sqitch.plan").open("a") as plan:
            plan.write(f"{name} {when} # One more.\n")
        (self.root / "sql" / "deploy" / f"{name}.sql").write_text(deploy)
        (self.root / "sql" / "revert" / f"{name}.sql").write_text("begin;\ncommit;\n")


@pytest.fixture
def packaged(tmp_path: Path) -> Release:
    """Provide a copy of the packaged project, which ends with a tag."""
    root, source = tmp_path / "release", config.project_root(None)
    shutil.copytree(source / "sql", root / "sql")
    shutil.copy(source / "sqitch.conf", root)
    if not state.load(root).plan.changes[-1].tags:
        tag = "@v99.0.0 2027-01-01T00:00:00Z Dee Ba <dee@example.org> # A release."
        with (root / "sql" / "sqitch.plan").open("a") as plan:
            plan.write(f"{tag}\n")
    return Release(root, state.load(root).plan.changes[-1].tags[-1].name, [])


@pytest.fixture
def release(packaged: Release) -> Release:
    """Provide the packaged project with the release behind it."""
    root, base = packaged.root, packaged.base
    for name in {change.name for change in state.load(root).plan.changes}:
        if (UPGRADE / "deploy" / f"{name}.sql").exists():  # reworked
            for kind in ("deploy", "revert", "verify"):
                there = root / "sql" / kind / f"{name}.sql"
                there.rename(there.with_name(f"{name}@{base}.sql"))
    for kind in ("deploy", "revert", "verify"):
        shutil.copytree(UPGRADE / kind, root / "sql" / kind, dirs_exist_ok=True)
    more = (UPGRADE / "release.plan").read_text().replace("@v1.0.0", f"@{base}")
    with (root / "sql" / "sqitch.plan").open("a") as plan:
        plan.write(f"\n{more}")
    names = [line.split()[0] for line in more.splitlines() if line[0] != "@"]
    return Release(root, base, names)


@dataclass(frozen=True, slots=True)
class Live:
    """A database with rows: conninfo of its plain owner, of a DBA, and of the logins."""

    owner: str
    admin: str
    app: str
    service: str

    def traffic(self) -> Traffic:
        """Return the application, not yet at work."""
        return Traffic(self.admin, self.app, self.service)


@contextmanager
def populate(server: TestServer, to: str | None = None) -> Iterator[tuple[str, str]]:
    """Make a plain owner and its database, with the plan up to a change, and rows."""
    name = f"live_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"create role {name} login password 'secret'".encode())
        roles = "learnplan_identity, learnplan_reader, service_role"
        admin.execute(f"grant {roles} to {name}".encode())
        admin.execute(f"create database {name} owner {name}".encode())
        dsn = server.dsn(name)
        with session.connect(make_conninfo(dsn, user=name, password="secret")) as own:  # noqa: S106
            runner.deploy(own, state.load(config.project_root(None)), to=to)
        with psycopg.connect(dsn) as writing:
            writing.execute(POPULATE.encode())
        yield name, dsn
        admin.execute(f"drop database {name} with (force)".encode())
        admin.execute(f"drop owned by {name}".encode())
        admin.execute(f"drop role {name}".encode())


def live_of(owner: str, admin: str) -> Live:
    """Return a database with the logins of its application."""
    app = _login(admin, "learnplan_login_app", "anon, authenticated")
    service = _login(admin, "learnplan_login_service", "service_role")
    own = make_conninfo(admin, user=owner, password="secret")  # noqa: S106
    return Live(own, admin, app, service)


@pytest.fixture(scope="module")
def populated(server: TestServer, learnplan_noproc: Any) -> Iterator[tuple[str, str]]:
    """Provide a plain owner and its database, with the packaged plan and rows."""
    with populate(server) as made:
        yield made


@pytest.fixture
def busy(populated: tuple[str, str], server: TestServer) -> Iterator[Live]:
    """Provide a copy of the populated database."""
    owner, _ = populated
    name = f"{owner}_{uuid.uuid4().hex[:6]}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as dba:
        made = (
            f"create database {name} template {owner} owner {owner} strategy file_copy"
        )
        dba.execute(made.encode())
        yield live_of(owner, server.dsn(name))
        dba.execute(f"drop database {name} with (force)".encode())


class Rows:
    """
    The rows of a database, as hashes by table and id, of the columns of that moment.

    Args: admin: a superuser's conninfo.
    """

    def __init__(self, admin: str) -> None:
        self.admin = admin
        self.columns = {
            table: [
                row[0] for row in self._ask(f"select * from learnplan.{table} limit 0")
            ]
            for table in TABLES
        }
        self.before = self.hashes()

    def _ask(self, query: str) -> list[Any]:
        with psycopg.connect(self.admin) as looking:
            cursor = looking.execute(query.encode())
            return cursor.fetchall() or [(c.name,) for c in cursor.description or ()]

    def hashes(self) -> dict[str, dict[Any, str]]:
        """Return a hash of each row now, of the columns there were."""
        found = {}
        for table, columns in self.columns.items():
            listed = ", ".join(f't."{column}"' for column in columns)
            query = f"select id, md5(({listed})::text) from learnplan.{table} as t"
            found[table] = dict(self._ask(query))
        return found

    def faults(self, written: Written) -> list[str]:
        """Return which rows are neither as they were nor as the traffic left them."""
        wrong = []
        for table, now in self.hashes().items():
            ledger, before = written.get(table, {}), self.before[table]
            untouched = (before.keys() | now) - ledger.keys()
            differing = [key for key in untouched if before.get(key) != now.get(key)]
            wrong += [f"{table} {key} is not as it was" for key in differing]
            there = dict(
                self._ask(f"select id, to_jsonb(t) from learnplan.{table} as t")
            )
            for key, columns in ledger.items():
                row = there.get(key)
                if columns is None or row is None:
                    alike = columns is row
                else:
                    alike = all(str(row[c]) == str(v) for c, v in columns.items())
                if not alike:
                    wrong.append(f"{table} {key}: {row}, the ledger says {columns}")
        return wrong
