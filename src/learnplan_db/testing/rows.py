"""
Rows for tests: every value has a default, every parent that is not given is made.

Written by the service role, so that a test of who may write starts from rows that
are there whatever the policies for users say. May import errors and testing.personas;
never commits by itself: rows live in the connection's transaction, if there is one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from psycopg import Cursor, sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from learnplan_db.errors import SuiteError
from learnplan_db.testing.personas import Personas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    import psycopg

    from learnplan_db.security.variables import Variables

JSON = frozenset({"prompt", "parameters", "output_summary"})
# Counted once a process: what must be unique is, in whatever order tests run.
_COUNT = itertools.count(1)
_OWNER = """
select u.* from learnplan.users as u
join learnplan.learning_plans as p on p.user_id = u.id
join learnplan.modules as m on m.plan_id = p.id
join learnplan.tasks as t on t.module_id = m.id
where t.id = %s"""


@dataclass(frozen=True, slots=True)
class Made:
    """
    A row as the database wrote it: ``row.id``, ``row["title"]``, ``row.owner``.

    ``parents`` are the rows that its keys name, by column, where they are known.
    """

    table: str
    id: UUID
    values: Mapping[str, Any] = field(repr=False)
    parents: Mapping[str, Made] = field(default_factory=dict, repr=False)

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    @property
    def owner(self) -> Made:
        """The user to whom the row belongs."""
        if self.table == "users":
            return self
        # A resource hangs off a task too, but the task comes first.
        for column in ("user_id", "plan_id", "module_id", "task_id"):
            if column in self.parents:
                return self.parents[column].owner
        raise SuiteError.no_owner(self.table)


class Rows:
    """
    Makes rows on one connection.

    Keywords are columns and override the defaults; a parent is a row, an id, or made.
    """

    def __init__(self, connection: psycopg.Connection[Any], roles: Variables) -> None:
        self._connection = connection
        self._personas = Personas(connection, roles)

    def make_user(self, **values: Any) -> Made:
        """Make a user; the subject is ``clerk_user_id``."""
        n = next(_COUNT)
        usual = {"clerk_user_id": f"user_{n}", "email": f"user_{n}@example.org"}
        return self._make("users", usual | {"name": f"User {n}"} | values)

    def make_plan(self, *, user: Made | UUID | None = None, **values: Any) -> Made:
        """Make a plan: private, unless ``visibility="public"``."""
        usual = {
            "topic": f"Topic {next(_COUNT)}",
            "skill_level": "beginner",
            "weekly_hours": 5,
            "learning_style": "mixed",
        }
        keys = {"user_id": (user, self.make_user)}
        return self._make("learning_plans", usual | values, keys)

    def make_module(self, *, plan: Made | UUID | None = None, **values: Any) -> Made:
        """Make a module of a plan."""
        keys = {"plan_id": (plan, self.make_plan)}
        return self._make("modules", _step("Module") | values, keys)

    def make_task(self, *, module: Made | UUID | None = None, **values: Any) -> Made:
        """Make a task of a module."""
        keys = {"module_id": (module, self.make_module)}
        return self._make("tasks", _step("Task") | values, keys)

    def make_resource(self, **values: Any) -> Made:
        """Make a resource of the catalog."""
        n = next(_COUNT)
        usual = {"type": "doc", "title": f"Resource {n}"}
        url = {"url": f"https://example.org/{n}"}
        return self._make("resources", usual | url | values)

    def make_link(
        self,
        *,
        task: Made | UUID | None = None,
        resource: Made | UUID | None = None,
        **values: Any,
    ) -> Made:
        """Link a resource to a task (task_resources)."""
        keys = {
            "task_id": (task, self.make_task),
            "resource_id": (resource, self.make_resource),
        }
        return self._make("task_resources", {"order": next(_COUNT)} | values, keys)

    def make_progress(
        self,
        *,
        task: Made | UUID | None = None,
        user: Made | UUID | None = None,
        **values: Any,
    ) -> Made:
        """Record progress with a task: the plan's owner's, unless a user is given."""
        if task is None and "task_id" not in values:
            task = self.make_task()
        named: Any = task if task is not None else values["task_id"]
        keys = {
            "task_id": (task, self.make_task),
            "user_id": (user, lambda: self._owner(named)),
        }
        return self._make("task_progress", {"status": "in_progress"} | values, keys)

    def make_generation(
        self, *, plan: Made | UUID | None = None, **values: Any
    ) -> Made:
        """Record a generation of a plan."""
        usual = {"model": "model-1", "prompt": {"topic": f"Topic {next(_COUNT)}"}}
        keys = {"plan_id": (plan, self.make_plan)}
        return self._make("plan_generations", usual | values, keys)

    def _make(
        self,
        table: str,
        values: dict[str, Any],
        keys: Mapping[str, tuple[Made | UUID | None, Callable[[], Made]]] = {},
    ) -> Made:
        parents: dict[str, Made] = {}
        for column, (given, make) in keys.items():
            if column in values:  # the column itself was named
                continue
            parent = make() if given is None else given
            if isinstance(parent, Made):
                parents[column] = parent
                parent = parent.id
            values[column] = parent
        row = self._insert(table, values)
        frozen = MappingProxyType(row)
        return Made(table, row["id"], frozen, MappingProxyType(parents))

    def _insert(self, table: str, values: dict[str, Any]) -> dict[str, Any]:
        statement = sql.SQL("insert into learnplan.{} ({}) values ({}) returning *")
        composed = statement.format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        parameters = [
            Jsonb(value) if column in JSON and value is not None else value
            for column, value in values.items()
        ]
        return self._as_service(composed, parameters)

    def _owner(self, task: Made | UUID) -> Made:
        """Return the owner of a task, also of one that is known by its id alone."""
        if isinstance(task, Made):
            if task.parents:
                return task.owner
            task = task.id
        row = self._as_service(sql.SQL(_OWNER), [task])
        return Made("users", row["id"], MappingProxyType(row))

    def _as_service(
        self, statement: sql.SQL | sql.Composed, parameters: list[Any]
    ) -> dict[str, Any]:
        with self._personas.as_service():
            cursor: Cursor[dict[str, Any]] = Cursor(
                self._connection, row_factory=dict_row
            )
            row: dict[str, Any] | None = cursor.execute(
                statement, parameters
            ).fetchone()
        if row is None:
            raise LookupError(parameters[0])
        return row


def _step(kind: str) -> dict[str, Any]:
    n = next(_COUNT)
    return {"order": n, "title": f"{kind} {n}", "estimated_minutes": 30}
