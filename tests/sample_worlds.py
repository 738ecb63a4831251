"""People and a world for tests of the reference model, and words to ask it with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from learnplan_db.proof.nouns import TABLES, Actor, Command, Row, World
from learnplan_db.proof.reference import judge

ADA, BEN = Actor("user", "ada"), Actor("user", "ben")
NOBODY = Actor("user", "nemo")
NEWCOMER = Actor("user", "cem", email="cem", verified=True)
ANONYMOUS, SERVICE = Actor("anonymous"), Actor("service")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def plan_with_all(number: int, owner: str, visibility: str) -> list[Row]:
    """Return a plan with one row of each kind below, but progress."""
    plan, module, task = f"plan_{number}", f"module_{number}", f"task_{number}"
    link = {"task_id": task, "resource_id": "resource_1", "order": 1}
    return [
        Row("learning_plans", plan, {"user_id": owner, "visibility": visibility}),
        Row("modules", module, {"plan_id": plan, "order": 1}),
        Row("tasks", task, {"module_id": module, "order": 1}),
        Row("task_resources", f"link_{number}", link),
        Row("plan_generations", f"generation_{number}", {"plan_id": plan}),
    ]


def a_world(*more: Row) -> World:
    """Return ada's private plan_1 and public plan_2, ben's private plan_3, and more."""
    rows = [
        Row("users", "ada"),
        Row("users", "ben"),
        Row("resources", "resource_1"),
        *plan_with_all(1, "ada", "private"),
        *plan_with_all(2, "ada", "public"),
        *plan_with_all(3, "ben", "private"),
        *more,
    ]
    return World(tuple(sorted(rows, key=lambda row: TABLES.index(row.table))))


def progress(word: str, task: str, user: str, **more: Any) -> Row:
    """Return a row of progress."""
    return Row("task_progress", word, {"task_id": task, "user_id": user, **more})


def add(row: Row) -> Command:
    """Return the insert of a row."""
    return Command("insert", row.table, row.id, {"id": row.id, **row.values})


def change(table: str, row: str | None, **values: Any) -> Command:
    """Return an update."""
    return Command("update", table, row, values)


def said(actor: Actor, command: Command, world: World | None = None) -> str:
    """Return the word for what comes of a command."""
    outcome, _ = judge(a_world() if world is None else world, actor, command)
    return outcome.kind


def seen(actor: Actor, table: str, world: World | None = None) -> set[str]:
    """Return the words that a select of a whole table shows."""
    outcome, _ = judge(world or a_world(), actor, Command("select", table))
    return set(outcome.rows)
