"""
Who may do what, found by trying it on the database.

Each attempt is one statement, as one persona, on rows of the sample, in a transaction
that is always rolled back. May import errors and personas; never prints.
Source: outline, "RLS policies"; style, outcomes.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from learnplan_db.security.personas import acting_as

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = ("select", "insert", "update", "delete")
PERSONAS = ("owner", "stranger", "anonymous", "service")
ADA = "11111111-0000-4000-8000-000000000001"
NEW = "77777777-0000-4000-8000-000000000007"
# Ada's private plan and her public one, with what hangs off them in the sample.
PRIVATE, PUBLIC = "0001", "0002"
CATALOG = "55555555-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: ``on`` is "private" or "public", the plan that the row belongs to."""

    table: str
    on: str
    persona: str
    command: str
    outcome: str


def _rows(plan: str) -> dict[str, tuple[str, str, str]]:
    """
    Return by table: the condition for a row of the plan, a harmless update, an insert.

    ``{me}`` in an insert is the persona's own user id.
    """
    tail = f"-0000-4000-8000-00000000{plan}"
    p, m, t = f"22222222{tail}", f"33333331{tail}", f"44444110{tail}"
    free = f"44444220{tail}"  # a task nobody started
    return {
        "users": (
            f"id = '{ADA}'",
            "name = name",
            (
                "(id, clerk_user_id, email) values"
                f" ('{NEW}', 'user_new', 'new@example.org')"
            ),
        ),
        "learning_plans": (
            f"id = '{p}'",
            "topic = topic",
            (
                "(user_id, topic, skill_level, weekly_hours, learning_style)"
                f" values ('{ADA}', 'Tried', 'beginner', 1, 'mixed')"
            ),
        ),
        "modules": (
            f"plan_id = '{p}'",
            "title = title",
            (
                '(plan_id, "order", title, estimated_minutes)'
                f" values ('{p}', 99, 'Tried', 1)"
            ),
        ),
        "tasks": (
            f"module_id = '{m}'",
            "title = title",
            (
                '(module_id, "order", title, estimated_minutes)'
                f" values ('{m}', 99, 'Tried', 1)"
            ),
        ),
        "resources": (
            f"id = '{CATALOG}'",
            "title = title",
            "(type, title, url) values ('doc', 'Tried', 'https://example.org/tried')",
        ),
        "task_resources": (
            f"task_id = '{t}'",
            "notes = notes",
            f"(task_id, resource_id, \"order\") values ('{free}', '{CATALOG}', 1)",
        ),
        "task_progress": (
            f"task_id = '{t}' and user_id = '{ADA}'",
            "status = status",
            f"(task_id, user_id) values ('{free}', '{{me}}')",
        ),
        "plan_generations": (
            f"plan_id = '{p}'",
            "model = model",
            f"(plan_id, model, prompt) values ('{p}', 'gpt-5', '\"Tried\"')",
        ),
    }


def _statement(table: str, command: str, row: tuple[str, str, str], me: str) -> str:
    condition, change, insert = row
    match command:
        case "select":
            return f"select 1 from learnplan.{table} where {condition}"
        case "insert":
            return f"insert into learnplan.{table} {insert.format(me=me)}"
        case "update":
            return f"update learnplan.{table} set {change} where {condition}"
        case _:
            return f"delete from learnplan.{table} where {condition}"


def outcome_of(error: psycopg.Error) -> str:
    """Return why the server refused, in the words of the access matrix."""
    state, text = error.sqlstate or "", str(error)
    if state == "42501":
        policy = "row-level security" in text
        return "refused-by-policy" if policy else "refused-by-grant"
    if state.startswith("LP"):
        return "refused-by-trigger"
    if state.startswith("23"):
        return "refused-by-constraint"
    raise error


def _identity(persona: str, table: str, command: str) -> tuple[dict[str, Any], str]:
    """Return what acting_as is told, and the persona's own user id."""
    signs_up = (table, command) == ("users", "insert")
    if persona == "owner" and signs_up:
        verified = {"sub": "user_new", "user_id": NEW, "email": "new@example.org"}
        return verified, NEW
    match persona:
        case "owner":
            return {"sub": "user_ada"}, ADA
        case "stranger":
            return {"sub": "user_ben"}, ADA[:-1] + "2"
        case "anonymous":
            return {"role": "anon"}, NEW
        case _:
            return {"role": "service_role"}, ADA


def attempt(
    connection: psycopg.Connection[Any], persona: str, table: str, command: str, on: str
) -> Attempt:
    """
    Try one command as one persona; whatever happens is rolled back.

    Args: connection: of a login that may take the persona's role, and is no superuser.
    """
    row = _rows(PRIVATE if on == "private" else PUBLIC)[table]
    told, me = _identity(persona, table, command)
    outcome = "hidden"
    with suppress(psycopg.Rollback), acting_as(connection, **told):
        try:
            done = connection.execute(_statement(table, command, row, me).encode())
            outcome = "rows" if done.rowcount else "hidden"
        except psycopg.Error as error:
            outcome = outcome_of(error)
        raise psycopg.Rollback
    return Attempt(table, on, persona, command, outcome)


def attempts(
    application: psycopg.Connection[Any], service: psycopg.Connection[Any]
) -> Iterator[Attempt]:
    """Try every command as every persona on each table, on both kinds of plan."""
    for table in _rows(PRIVATE):
        for on in ("private", "public"):
            for persona in PERSONAS:
                login = service if persona == "service" else application
                for command in COMMANDS:
                    yield attempt(login, persona, table, command, on)
