"""
Each cell of the access matrix as one command of one actor, in one small world.

Ada owns, Ben is the stranger, Cy reads Ada's public plan. May import nouns and
trimmings.
Source: docs/access.md, "Kinds of row".
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from learnplan_db.proof.nouns import (
    KEYS,
    TABLES,
    VIEWS,
    Actor,
    Cell,
    Command,
    Row,
    World,
)
from learnplan_db.proof.trimmings import DRESS

if TYPE_CHECKING:
    from collections.abc import Mapping

OWNER, STRANGER, READER, NEWCOMER = "ada", "ben", "cy", "new"
# Plans by word: whose they are, and who may read them.
PLANS = {
    "private": (OWNER, "private"),
    "public": (OWNER, "public"),
    "turned-private": (OWNER, "private"),
    "spare": (OWNER, "private"),
    "stranger-private": (STRANGER, "private"),
    "stranger-public": (STRANGER, "public"),
}
# Progress by word: whose it is, and on a task of which plan.
PROGRESS = {
    "private": (OWNER, "private"),
    "public": (OWNER, "public"),
    "reading": (READER, "public"),
    "turned-private": (READER, "turned-private"),
}
PREFIX = {
    "learning_plans": "plan",
    "modules": "module",
    "tasks": "task",
    "task_resources": "link",
    "task_progress": "progress",
    "plan_generations": "generation",
}
ACTORS = {
    "owner": Actor("user", OWNER),
    "stranger": Actor("user", STRANGER),
    "reader": Actor("user", READER),
    "anonymous": Actor("anonymous"),
    "service": Actor("service"),
}
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
STAMPS = frozenset({"created_at", "updated_at", "completed_at"})
# Something else than what a row of the world has, where a value is free.
OTHER: Mapping[str, Any] = {
    "order": 7,
    "title": "proved",
    "description": "proved",
    "estimated_minutes": 45,
    "name": "proved",
    "subscription_tier": "pro",
    "topic": "proved",
    "skill_level": "advanced",
    "weekly_hours": 3,
    "learning_style": "video",
    "start_date": date(2001, 1, 1),
    "deadline_date": date(2001, 2, 1),
    "origin": "manual",
    "type": "article",
    "author": "proved",
    "url": "https://proof.invalid/proved",
    "duration_minutes": 5,
    "cost_cents": 5,
    "currency": "EUR",
    "tags": ["proved"],
    "notes": "proved",
    "status": "in_progress",
    "model": "proved",
    "prompt": {"proved": True},
    "parameters": {"proved": True},
    "output_summary": {"proved": True},
    "created_at": LONG_AGO,
    "updated_at": LONG_AGO,
    "completed_at": LONG_AGO,
}
# These have nothing that they need not.
PLAIN = {STRANGER, READER, "catalog-free", "progress-reading"}
# The column that a blind update marks, so that the rows it reached can be told.
MARKS = {
    "users": "name",
    "learning_plans": "topic",
    "modules": "title",
    "tasks": "title",
    "resources": "title",
    "task_resources": "notes",
    "task_progress": "status",
    "plan_generations": "model",
}
BLIND = "blind"


@cache
def world() -> World:
    """Return the rows that every cell is tried on."""
    rows = [Row("users", word) for word in (OWNER, STRANGER, READER)]
    for word, (owner, visibility) in PLANS.items():
        values = {"user_id": owner, "visibility": visibility}
        rows.append(Row("learning_plans", f"plan-{word}", values))
    # No place is taken twice, so that a row may move to any parent.
    places = {word: 10 * place for place, word in enumerate(PLANS, start=1)}
    for word, order in places.items():
        under = {"plan_id": f"plan-{word}", "order": order}
        rows.append(Row("modules", f"module-{word}", under))
    for word, order in places.items():
        under = {"module_id": f"module-{word}"}
        rows.append(Row("tasks", f"task-{word}", under | {"order": order}))
        rows.append(Row("tasks", f"task-{word}-free", under | {"order": order + 1}))
    rows += [Row("resources", "catalog"), Row("resources", "catalog-free")]
    for word in PLANS:
        task = {"task_id": f"task-{word}", "resource_id": "catalog", "order": 1}
        rows.append(Row("task_resources", f"link-{word}", task))
    for word, (user, plan) in PROGRESS.items():
        done = {"task_id": f"task-{plan}", "user_id": user, "status": "completed"}
        rows.append(Row("task_progress", f"progress-{word}", done))
    rows += [
        Row("plan_generations", f"generation-{word}", {"plan_id": f"plan-{word}"})
        for word in PLANS
    ]
    return World(tuple(map(_dressed, rows)))


def _dressed(row: Row) -> Row:
    if row.id in PLAIN or "public" in row.id:
        return row
    return replace(row, values={**row.values, **DRESS[row.table]})


def actor(cell: Cell) -> Actor:
    """Return who the persona of a cell is; whoever signs up owns the row to be."""
    signs_up = (cell.table, cell.command) == ("users", "insert")
    if signs_up and cell.persona == "owner":
        verified = cell.row == "verified"
        return Actor("user", NEWCOMER, email=NEWCOMER, verified=verified)
    return ACTORS[cell.persona]


def command(cell: Cell) -> Command:
    """Return what the persona of a cell does."""
    if cell.command == "move":
        return _move(cell)
    if cell.command == "execute" or not cell.row:
        return Command(cell.command, cell.table, cell.row or None)
    word, values = _word(cell.table, cell.row), {}
    if cell.command == "insert":
        word, values = "new", _new(cell)
    elif cell.command == "update":
        values = _changed(cell)
    return Command(cell.command, cell.table, word, values)


def _word(table: str, kind: str) -> str | None:
    if table in VIEWS:
        return f"{'plan' if table == 'plan_progress' else 'module'}-{kind}"
    if kind.endswith(BLIND):
        return None
    special = {"users": OWNER, "resources": "catalog"}
    return special.get(table) or f"{PREFIX.get(table, '')}-{kind}"


def _new(cell: Cell) -> dict[str, Any]:
    """Return the columns of a new row: those it needs, and the cell's own."""
    kind, table = cell.row, cell.table
    match table:
        case "users":
            base = {"id": NEWCOMER, "clerk_user_id": NEWCOMER, "email": NEWCOMER}
        case "learning_plans":
            base = {"user_id": OWNER, "visibility": kind}
        case "modules" | "plan_generations":
            base = {"plan_id": f"plan-{kind}"}
        case "tasks":
            base = {"module_id": f"module-{kind}"}
        case "task_resources":
            base = {"task_id": f"task-{kind}", "resource_id": "catalog-free"}
        case "task_progress":
            user, plan = PROGRESS[kind]
            base = {"task_id": f"task-{plan}-free", "user_id": user}
        case _:
            base = {}
    if table in {"modules", "tasks", "task_resources"}:
        base["order"] = 7  # type: ignore[assignment]
    if cell.column == "completed_at":
        base["status"] = "completed"
    value = OTHER.get(cell.column, "new")  # a word, from which an id derives
    return base if cell.column in base else base | {cell.column: value}


def _changed(cell: Cell) -> dict[str, Any]:
    """Return another value for the cell's column; a key keeps the one it has."""
    if cell.row.endswith(BLIND):
        return {cell.column: "not_started" if cell.column == "status" else "proved"}
    if cell.column in OTHER:
        return {cell.column: OTHER[cell.column]}
    word = _word(cell.table, cell.row)
    row = next(r for r in world().rows if (r.table, r.id) == (cell.table, word))
    if cell.column in row.values:
        return {cell.column: row.values[cell.column]}
    return {cell.column: row.id}  # id, or what derives from the row's word


def _move(cell: Cell) -> Command:
    """Return the update that puts a row under another parent."""
    table, persona = cell.table, cell.persona
    if table == "task_progress":
        kind = {"reader": "reading", "stranger": "reading"}.get(persona, "private")
        to = {
            "another-task": {"task_id": "task-public-free"},
            "another-user": {"user_id": STRANGER if persona != "stranger" else OWNER},
        }
        return Command("update", table, f"progress-{kind}", to[cell.row])
    way, _, kind = cell.row.partition("-")
    stranger = persona == "stranger"
    if way == "take":
        word, parent = kind, "stranger-private" if stranger else "spare"
        user = STRANGER
    else:
        word = "stranger-private" if stranger else "spare"
        parent = kind if stranger else f"stranger-{kind}"
        user = OWNER if stranger else STRANGER
        if table == "learning_plans":  # a plan is given away as it is
            word = f"stranger-{kind}" if stranger else kind
    column, target = next(iter(KEYS[table].items()))
    to_word = user if target == "users" else f"{PREFIX[target]}-{parent}"
    if table == "task_resources":  # the other task links the same resource
        to_word += "-free"
    return Command("update", table, _word(table, word), {column: to_word})


def blind(cells: list[Cell]) -> list[Cell]:
    """
    Return the cells that follow from others: updates and deletes that read no column.

    Such a statement skips the SELECT policy, so the rule for writing must hold alone.
    The service is left out: it would reach every row of the host.
    """
    return [
        replace(cell, row=f"{cell.row} {BLIND}")
        for cell in cells
        if cell.persona != "service"
        and cell.table in TABLES
        and (
            (cell.command == "update" and cell.column == MARKS[cell.table])
            or cell.command == "delete"
        )
    ]


def reached(cell: Cell) -> str | None:
    """Return the word of the row that a blind cell is about, else None."""
    row, _, blind = cell.row.partition(" ")
    return _word(cell.table, row) if blind else None
