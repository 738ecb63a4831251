"""
The four personas, and a small world of rows that each test makes for itself.

A persona is a plain login inside the test's own transaction, so that row security
applies to it, while the superuser can show that the rows are there.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from learnplan_db.proof.trial import outcome_of

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

TABLES = (
    "users",
    "learning_plans",
    "modules",
    "tasks",
    "resources",
    "task_resources",
    "task_progress",
    "plan_generations",
)
BY_GRANT, BY_POLICY, HIDDEN = "refused-by-grant", "refused-by-policy", "hidden"


@dataclass(frozen=True)
class Outcome:
    """What happened to one statement, in the words of the access matrix."""

    kind: str
    rows: tuple[Any, ...] = ()
    detail: str = ""


def classify(error: psycopg.Error) -> Outcome:
    """Tell a refusal's cause as the product tells it, with what identifies it."""
    kind = outcome_of(error.sqlstate or "", str(error))
    if kind.startswith("error"):
        raise error
    detail = {
        "refused-by-trigger": error.sqlstate,
        "refused-by-constraint": error.diag.constraint_name,
    }
    return Outcome(kind, detail=detail.get(kind) or str(error))


class World:
    """Rows made by the superuser, and the personas who try things on them."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        # A driver that prepares says DEALLOCATE ALL after a rollback to a savepoint,
        # and a test's own prepared statements would be gone.
        connection.prepare_threshold = None
        # Roles belong to the cluster, which other workers may share.
        self.app, self.service = (
            f"learnplan_{k}_{os.getpid()}" for k in ("app", "service")
        )
        for login, roles in (
            (self.app, "anon, authenticated"),
            (self.service, "service_role"),
        ):
            connection.execute(f"create role {login} in role {roles}")

    def _insert(self, table: str, values: dict[str, Any]) -> Any:
        statement = sql.SQL("insert into learnplan.{} ({}) values ({}) returning id")
        composed = statement.format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(map(sql.Literal, values.values())),
        )
        return self.connection.execute(composed).fetchone()[0]

    def user(self, name: str = "ann") -> uuid.UUID:
        """Make a user whose subject is the name."""
        return self._insert(
            "users", {"clerk_user_id": name, "email": f"{name}@example.org"}
        )

    def plan(self, owner: uuid.UUID, visibility: str = "private") -> uuid.UUID:
        """Make a plan."""
        values = {"user_id": owner, "topic": "SQL", "skill_level": "beginner"}
        rest = {"weekly_hours": 5, "learning_style": "mixed", "visibility": visibility}
        return self._insert("learning_plans", values | rest)

    def module(self, plan: uuid.UUID, order: int = 1) -> uuid.UUID:
        """Make a module."""
        values = {"plan_id": plan, "order": order, "title": "m"}
        return self._insert("modules", values | {"estimated_minutes": 60})

    def task(self, module: uuid.UUID, order: int = 1, minutes: int = 30) -> uuid.UUID:
        """Make a task."""
        values = {"module_id": module, "order": order, "title": "t"}
        return self._insert("tasks", values | {"estimated_minutes": minutes})

    def task_of(self, owner: uuid.UUID, visibility: str = "private") -> uuid.UUID:
        """Make a plan with one module and one task, and return the task."""
        return self.task(self.module(self.plan(owner, visibility)))

    def resource(self, url: str = "https://example.org/a") -> uuid.UUID:
        """Make a resource of the catalog."""
        return self._insert("resources", {"type": "doc", "title": "r", "url": url})

    def link(self, task: uuid.UUID, resource: uuid.UUID) -> uuid.UUID:
        """Link a resource to a task."""
        values = {"task_id": task, "resource_id": resource, "order": 1}
        return self._insert("task_resources", values)

    def progress(
        self, user: uuid.UUID, task: uuid.UUID, status: str = "in_progress"
    ) -> uuid.UUID:
        """Record progress."""
        values = {"user_id": user, "task_id": task, "status": status}
        return self._insert("task_progress", values)

    def generation(self, plan: uuid.UUID) -> uuid.UUID:
        """Record a generation."""
        values = {"plan_id": plan, "model": "gpt-5", "prompt": '"p"'}
        return self._insert("plan_generations", values)

    @contextmanager
    def _acting(self, login: str, role: str, claims: str) -> Iterator[None]:
        with self.connection.transaction():
            self.connection.execute(f"set local session authorization {login}")
            self.connection.execute(f"set local role {role}")
            self._claims(claims)
            try:
                yield
            finally:
                self.connection.execute("set local session authorization default")
                self.connection.execute("set local role none")
                self._claims("")

    def _claims(self, claims: str) -> None:
        self.connection.execute(
            "select set_config('request.jwt.claims', %s, true)", [claims]
        )

    def as_claims(self, claims: object) -> Any:
        """Act as a signed-in caller with these claims: text, or what JSON holds."""
        text = claims if isinstance(claims, str) else json.dumps(claims)
        return self._acting(self.app, "authenticated", text)

    def as_user(self, name: str) -> Any:
        """Act as the signed-in user whose subject is the name."""
        return self.as_claims({"sub": name})

    def as_anonymous(self) -> Any:
        """Act as a caller who did not sign in."""
        return self._acting(self.app, "anon", "")

    def as_service(self) -> Any:
        """Act as the system."""
        return self._acting(self.service, "service_role", "")

    def attempt(self, statement: str, *parameters: Any) -> Outcome:
        """Run one statement; a refusal is rolled back and returned as an outcome."""
        try:
            with self.connection.transaction():
                cursor = self.connection.execute(statement, parameters or None)  # type: ignore[arg-type]
                rows = tuple(cursor.fetchall()) if cursor.description else ()
                count = cursor.rowcount
        except psycopg.Error as error:
            return classify(error)
        return Outcome("rows" if count else HIDDEN, rows)

    def one(self, statement: str, *parameters: Any) -> Any:
        """Return the first column of the first row, as whoever acts now."""
        row = self.connection.execute(statement, parameters or None).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None

    def exists(self, table: str, row_id: uuid.UUID) -> bool:
        """Show as superuser that a row is there: the positive control of a denial."""
        return bool(self.one(f"select 1 from learnplan.{table} where id = %s", row_id))


@pytest.fixture
def world(tx: psycopg.Connection[Any]) -> World:
    """Return an empty world inside a transaction that is rolled back."""
    return World(tx)
