"""
What an attacker sees: all that a refusal says, what a leaky predicate was shown, and
a committed world with real logins for what takes more than one session.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from fix_personas import World

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

DONE = "00000"
REFUSED = "42501"
# Cheaper than any operator, so that a planner that may would ask it first; false to
# the end, so that it is asked about every row.
PEEK = """
create or replace function pg_temp.peek(row_text text) returns boolean
language plpgsql cost 0.0000001
as $$ begin raise notice 'seen %', row_text; return false; end $$
"""


@dataclass(frozen=True)
class Told:
    """Everything the server says of one statement to whoever sent it."""

    state: str
    rows: tuple[Any, ...] = ()
    count: int = 0
    message: str = ""
    detail: str | None = None
    hint: str | None = None
    context: str | None = None
    table: str | None = None
    constraint: str | None = None


def told(world: World, statement: str, *parameters: Any) -> Told:
    """Run one statement as whoever acts now; a refusal is undone and told in full."""
    try:
        with world.connection.transaction():
            cursor = world.connection.execute(statement, parameters or None)  # type: ignore[arg-type]
            rows = tuple(cursor.fetchall()) if cursor.description else ()
            return Told(DONE, rows, cursor.rowcount)
    except psycopg.Error as error:
        said = error.diag
        return Told(
            error.sqlstate or "",
            message=str(said.message_primary),
            detail=said.message_detail,
            hint=said.message_hint,
            context=said.context,
            table=said.table_name,
            constraint=said.constraint_name,
        )


@contextmanager
def peeking(connection: psycopg.Connection[Any]) -> Iterator[list[str]]:
    """Make pg_temp.peek for whoever acts now, and collect what it is shown."""
    seen: list[str] = []

    def note(diagnosis: psycopg.errors.Diagnostic) -> None:
        text = str(diagnosis.message_primary)
        if text.startswith("seen "):
            seen.append(text)

    connection.execute(PEEK)
    connection.add_notice_handler(note)
    try:
        yield seen
    finally:
        connection.remove_notice_handler(note)


@contextmanager
def opened(world: World, statement: str) -> Iterator[None]:
    """Break one safeguard, so that a test shows what the others still hold."""
    with world.connection.transaction(force_rollback=True):
        world.connection.execute(statement)  # type: ignore[arg-type]
        yield


def everything(
    world: World, owner: str = "ann", visibility: str = "private"
) -> dict[str, uuid.UUID]:
    """Make a user and one row in each table, all of which hang off that user's plan."""
    user = world.user(owner)
    plan = world.plan(user, visibility)
    module = world.module(plan)
    task = world.task(module)
    resource = world.resource(f"https://example.org/{owner}")
    return {
        "users": user,
        "learning_plans": plan,
        "modules": module,
        "tasks": task,
        "resources": resource,
        "task_resources": world.link(task, resource),
        "task_progress": world.progress(user, task),
        "plan_generations": world.generation(plan),
    }


class Committed(World):
    """Rows that are committed at once; the logins are those of the fixtures."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection


@dataclass(frozen=True)
class Live:
    """A database of its own, whose rows other sessions can see."""

    rows: Committed
    app: str
    service: str

    @property
    def admin(self) -> psycopg.Connection[Any]:
        """Return the superuser's session, which commits every statement."""
        return self.rows.connection


@pytest.fixture
def live(admin_dsn: str, app_dsn: str, service_dsn: str) -> Iterator[Live]:
    """Provide an empty world that is committed, and the two logins of a host."""
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        yield Live(Committed(admin), app_dsn, service_dsn)


@pytest.fixture
def apart(admin_dsn: str) -> Iterator[World]:
    """Provide a world in a database of its own: ANALYZE outlives a rollback."""
    with psycopg.connect(admin_dsn) as connection:
        yield World(connection)
        connection.rollback()
