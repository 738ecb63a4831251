"""
The reference model: what must happen when someone does something in a world.

A third account of the rules, written from the outline and the design, and never from
the SQL or the matrix; the prover compares it with the database. Plain Python: it may
import only the nouns and its other two parts, ``rights`` and ``constraints``; it opens
no connection and reads no file.

What it leaves out: upserts, RETURNING, values of a wrong type, and changes of an id.
A users row's subject and e-mail address follow from its word. A foreign key that an
insert does not name is null; any other column that is not named has a fitting value.
A blind update is judged by the rows that it leaves behind. Values are the same for
all rows, so rows that collide on the way there also collide at the end; still, no
account needs a blind update of several rows that would collide.
Source: outline, "RLS policies" of §§ 1-8; design §§ 4-6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from learnplan_db.proof.constraints import broken, value
from learnplan_db.proof.nouns import (
    BY_CONSTRAINT,
    BY_GRANT,
    BY_POLICY,
    BY_TRIGGER,
    HIDDEN,
    KEYS,
    ROWS,
    TABLES,
    Actor,
    Command,
    Outcome,
    Row,
    World,
)
from learnplan_db.proof.rights import ACCESSORS, CALLABLE, CONTENT, REORDERED, granted

Rule = Callable[[World, str, Row], bool]
Judged = tuple[Outcome, World]

PARENT = {
    "modules": "plan_id",
    "tasks": "module_id",
    "task_resources": "task_id",
    "task_progress": "task_id",
    "plan_generations": "plan_id",
}
# A view shows what the reader of these rows may read.
SOURCE = {"module_progress": "modules", "plan_progress": "learning_plans"}


def identity(world: World, actor: Actor) -> str | None:
    """Return whose id the database finds for a caller: None is nobody."""
    if actor.kind != "user" or actor.user is None:
        return None
    known = actor.email is not None or world.find("users", actor.user) is not None
    return actor.user if known else None


def plan_of(world: World, row: Row | None) -> Row | None:
    """Return the plan that a row is, or belongs to."""
    while row is not None and row.table != "learning_plans":
        column = PARENT[row.table]
        row = world.find(KEYS[row.table][column], value(row, column))
    return row


def owns_plan(world: World, me: str, row: Row) -> bool:
    """Whether the plan of a row is one's own."""
    plan = plan_of(world, row)
    return plan is not None and value(plan, "user_id") == me


def reads_plan(world: World, me: str, row: Row) -> bool:
    """Whether one can read the plan of a row: "owner or plan.visibility = 'public'"."""
    plan = plan_of(world, row)
    public = plan is not None and value(plan, "visibility") == "public"
    return public or owns_plan(world, me, row)


def is_self(_: World, me: str, row: Row) -> bool:
    """Whether a users row is one's own."""
    return row.id == me


def is_own(_: World, me: str, row: Row) -> bool:
    """Whether a row names oneself as its user."""
    return bool(value(row, "user_id") == me)


def is_known(_world: World, _me: str, _row: Row) -> bool:
    """Whether one is somebody: "readable by all authenticated users"."""
    return True


def starts(world: World, me: str, row: Row) -> bool:
    """Whether one may begin a task: for oneself, on a task that one can read."""
    return is_own(world, me, row) and reads_plan(world, me, row)


SEES: Mapping[str, Rule] = {
    "users": is_self,
    "learning_plans": reads_plan,
    "modules": reads_plan,
    "tasks": reads_plan,
    "resources": is_known,
    "task_resources": reads_plan,
    "task_progress": is_own,
    "plan_generations": owns_plan,
}
ADDS: Mapping[str, Rule] = {
    "users": is_self,
    **dict.fromkeys(CONTENT, owns_plan),
    "task_progress": starts,
}
# Update, of the old row and the new one, and delete.
CHANGES: Mapping[str, Rule] = {**ADDS, "task_progress": is_own}


def judge(
    world: World, actor: Actor, command: Command, *, anon_reads_resources: bool = False
) -> Judged:
    """Return what must come of a command, and the world after it."""
    if command.verb == "execute":
        return Outcome(call(world, actor, command.row)), world
    catalog = (command.verb, command.table) == ("select", "resources")
    open_to_all = catalog and anon_reads_resources
    if not open_to_all and not granted(actor.kind, command):
        return Outcome(BY_GRANT), world
    return DOES[command.verb](world, actor, command)


def call(world: World, actor: Actor, function: str | None) -> str:
    """Return what must come of calling a function; its effect is not modelled."""
    if function in ACCESSORS:
        return ROWS if actor.kind == "user" else BY_GRANT
    if actor.kind == "anonymous" or function not in CALLABLE:
        return BY_GRANT
    if not function.startswith("reorder_") or actor.kind == "service":
        return ROWS
    return ROWS if identity(world, actor) == REORDERED else BY_TRIGGER


def allowed(rules: Mapping[str, Rule], world: World, actor: Actor, row: Row) -> bool:
    """Whether a rule lets a caller at a row; nobody is let at any."""
    if actor.kind != "user":
        return True  # Its grants say all: the service's rules hold for every row.
    me = identity(world, actor)
    return me is not None and rules[row.table](world, me, row)


def asked(world: World, actor: Actor, command: Command) -> list[Row]:
    """Return the rows that a command reads or writes; a blind one asks no reader."""
    table = SOURCE.get(command.table, command.table)
    rows = [r for r in world.of(table).values() if command.row in {None, r.id}]
    if command.verb != "select":
        rows = [row for row in rows if allowed(CHANGES, world, actor, row)]
    if command.verb == "select" or command.row is not None:
        rows = [row for row in rows if allowed(SEES, world, actor, row)]
    return rows


def select(world: World, actor: Actor, command: Command) -> Judged:
    """Judge a select: the visible words, or hidden."""
    return done(asked(world, actor, command)), world


def insert(world: World, actor: Actor, command: Command) -> Judged:
    """Judge an insert of one row."""
    blank = Row(command.table, command.row or "")
    row, stamped = written(actor, blank, command.values)
    if not allowed(ADDS, world, actor, row) or not signs_up(actor, command):
        return Outcome(BY_POLICY), world
    return kept(world, World((*world.rows, row)), [row], stamped)


def signs_up(actor: Actor, command: Command) -> bool:
    """Whether a new users row has the id, subject and verified address of the token."""
    if command.table != "users" or actor.kind != "user":
        return True
    return "id" in command.values and actor.verified and actor.email == command.row


def update(world: World, actor: Actor, command: Command) -> Judged:
    """Judge an update: the rule holds for each row as it was and as it becomes."""
    rows = asked(world, actor, command)
    pairs = [written(actor, row, command.values) for row in rows]
    new = {row.id: row for row, _ in pairs}
    if not all(allowed(CHANGES, world, actor, row) for row in new.values()):
        return Outcome(BY_POLICY), world
    after = World(
        tuple(
            new.get(row.id, row) if row.table == command.table else row
            for row in world.rows
        )
    )
    stamped = frozenset().union(*(names for _, names in pairs))
    return kept(world, after, list(new.values()), stamped)


def delete(world: World, actor: Actor, command: Command) -> Judged:
    """Judge a delete; what refers to a deleted row goes with it, whosever it is."""
    rows = asked(world, actor, command)
    gone = {(row.table, row.id) for row in rows}
    for row in world.rows:
        keys = KEYS[row.table].items()
        if any((table, value(row, column)) in gone for column, table in keys):
            gone.add((row.table, row.id))
    left = tuple(row for row in world.rows if (row.table, row.id) not in gone)
    return done(rows), World(left) if rows else world


DOES: Mapping[str, Callable[[World, Actor, Command], Judged]] = {
    "select": select,
    "insert": insert,
    "update": update,
    "delete": delete,
}


def done(rows: Iterable[Row], stamped: frozenset[str] = frozenset()) -> Outcome:
    """Return the outcome of a command that reached these rows."""
    reached = frozenset(row.id for row in rows)
    return Outcome(ROWS, reached, stamped) if reached else Outcome(HIDDEN)


def written(
    actor: Actor, row: Row, given: Mapping[str, Any]
) -> tuple[Row, frozenset[str]]:
    """Return a row with new values, and the columns that the database set instead."""
    values = {**row.values, **given}
    stamps = {"created_at", "updated_at"} if actor.kind == "user" else set()
    if row.table == "task_progress":
        completed = values.get("status", "not_started") == "completed"
        if (actor.kind == "user" and completed) or (
            completed == (values.get("completed_at") is None)
        ):
            stamps.add("completed_at")
    drop = stamps & set(given) | {"id"}
    if "completed_at" in stamps:
        drop.add("completed_at")
    left = {name: new for name, new in values.items() if name not in drop}
    return replace(row, values=left), frozenset(stamps & set(given))


def kept(
    before: World, after: World, rows: list[Row], stamped: frozenset[str]
) -> Judged:
    """Judge rows that the rules let pass: the constraints have the last word."""
    if any(broken(after, row) for row in rows):
        return Outcome(BY_CONSTRAINT), before
    # A moved row may refer to one that came after it.
    parents_first = sorted(after.rows, key=lambda row: TABLES.index(row.table))
    return done(rows, stamped), World(tuple(parents_first)) if rows else before
