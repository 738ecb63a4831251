"""
Random worlds, and random plays in them: what small worlds are too small to show.

A play is a list of steps; each is drawn in the world that the model says the steps
before leave behind. Every choice has its plainest value first, and a play ends with a
"no more" that may come after any step, so that Hypothesis shrinks a failure to few
steps in a world of few rows. May import the nouns, ``trimmings``, ``worlds`` and
``reference``, and alone needs the extra ``hypothesis``; it never opens a connection.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from learnplan_db.proof.nouns import KEYS, TABLES, VIEWS, Actor, Command, Row, World
from learnplan_db.proof.reference import judge
from learnplan_db.proof.trimmings import TRIMMINGS
from learnplan_db.proof.worlds import LONG_AGO, NEW, NEWCOMER, NOWHERE, built

if TYPE_CHECKING:
    from collections.abc import Sequence

USERS = ("ada", "ben", "cem")
MOST_STEPS, MOST_ROWS = 8, 3
OFTEN, SELDOM = (False,) + (True,) * 7, (False,) * 7 + (True,)
# Where to read or write: often where the rules say most.
TARGETS = ("learning_plans", "modules", "tasks", "task_progress") * 2 + TABLES
LISTED = {"modules": "plan_id", "tasks": "module_id"}

# Values to write, the plain ones first, then those that a constraint forbids.
_STEP: dict[str, tuple[Any, ...]] = {
    "title": ("Renamed", None),
    "order": (1, 2, 3, 0),
    "estimated_minutes": (30, 0, -1),
}
OPEN: dict[str, dict[str, tuple[Any, ...]]] = {
    "users": {"name": ("Renamed", None)},
    "learning_plans": {
        "visibility": ("public", "private", "secret", None),
        "topic": ("Renamed", None),
        "weekly_hours": (5, 0, -1),
    },
    "modules": _STEP,
    "tasks": _STEP,
    "resources": {"title": ("Renamed", None), "cost_cents": (0, -1)},
    "task_resources": {"notes": ("Renamed", None), "order": (1, 2, 0)},
    "task_progress": {
        "status": ("completed", "in_progress", "not_started", None),
    },
    "plan_generations": {"model": ("renamed", None)},
}
# Drawn seldom: mostly refused, or set by the database, before a row is asked for.
SEALED: dict[str, dict[str, tuple[Any, ...]]] = {
    **{table: {"created_at": (LONG_AGO,)} for table in TABLES},
    "users": {"subscription_tier": ("pro", None, "gold"), "created_at": (LONG_AGO,)},
    "learning_plans": {"origin": ("manual", "stolen"), "updated_at": (LONG_AGO,)},
    "task_progress": {"completed_at": (LONG_AGO, None), "created_at": (LONG_AGO,)},
}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a world of up to three users and plans, and what belongs to them."""
    users = USERS[: draw(st.integers(0, len(USERS)))]
    rows = [Row("users", user) for user in users]
    catalog = [f"resource_{n}" for n in range(1, 1 + draw(st.integers(0, 2)))]
    rows += [Row("resources", word) for word in catalog]
    kinds = list(product(users, ("private", "public")))
    shapes = draw(_some(kinds))
    plans = [f"plan_{n}" for n in range(1, 1 + len(shapes))]
    for word, (owner, visibility) in zip(plans, shapes, strict=True):
        values = {"user_id": owner, "visibility": visibility}
        rows.append(Row("learning_plans", word, values))
    modules = draw(_children("modules", "module", plans))
    tasks = draw(_children("tasks", "task", [row.id for row in modules]))
    words = [row.id for row in tasks]
    rows += [*modules, *tasks]
    rows += draw(_pairs("task_resources", "link", words, catalog))
    rows += draw(_pairs("task_progress", "progress", words, users))
    made = draw(_some(plans))
    rows += [
        Row("plan_generations", f"generation_{n}", {"plan_id": plan})
        for n, plan in enumerate(made, start=1)
    ]
    return built([draw(_trimmed(row)) for row in rows])


@st.composite
def _trimmed(draw: st.DrawFn, row: Row) -> Row:
    """Draw a row as it is, or with one more column said."""
    if not draw(st.booleans()):
        return row
    column = draw(st.sampled_from(tuple(TRIMMINGS[row.table])))
    more = {column: draw(st.sampled_from(TRIMMINGS[row.table][column]))}
    return replace(row, values={**row.values, **more})


@st.composite
def _some(draw: st.DrawFn, choices: Sequence[Any]) -> list[Any]:
    """Draw up to three of these; more often two or three than lists() would."""
    some: list[Any] = []
    while choices and len(some) < MOST_ROWS and draw(st.sampled_from(OFTEN)):
        some.append(draw(st.sampled_from(choices)))
    return some


@st.composite
def _children(
    draw: st.DrawFn, table: str, noun: str, parents: Sequence[str]
) -> list[Row]:
    """Draw rows in lists of their parents, each in the next place."""
    under = draw(_some(parents))
    return [
        Row(
            table,
            f"{noun}_{n + 1}",
            {LISTED[table]: parent, "order": 1 + under[:n].count(parent)},
        )
        for n, parent in enumerate(under)
    ]


@st.composite
def _pairs(
    draw: st.DrawFn, table: str, noun: str, tasks: Sequence[str], others: Sequence[str]
) -> list[Row]:
    """Draw rows that each join a task with something, no two of them the same."""
    rows = []
    some = dict.fromkeys(draw(_some(list(product(tasks, others)))))
    for n, pair in enumerate(some, start=1):
        values: dict[str, Any] = dict(zip(KEYS[table], pair, strict=True))
        if table == "task_resources":
            values["order"] = n
        rows.append(Row(table, f"{noun}_{n}", values))
    return rows


def plays(world: World) -> st.SearchStrategy[list[tuple[Actor, Command]]]:
    """Draw up to eight steps, each in the world that the steps before make."""
    return _steps(world, MOST_STEPS)


@st.composite
def _steps(draw: st.DrawFn, world: World, most: int) -> list[tuple[Actor, Command]]:
    """
    Draw a step and those after it, or no more.

    The rest of a play is drawn inside of the play, and not after it: Hypothesis tries
    to put the inner in place of the outer, which is how it leaves out a step.
    """
    if most == 0 or not draw(st.sampled_from(OFTEN)):
        return []
    actor = draw(actors(world))
    command = draw(commands(world, actor))
    _, after = judge(world, actor, command)
    return [(actor, command), *draw(_steps(after, most - 1))]


@st.composite
def actors(draw: st.DrawFn, world: World) -> Actor:
    """Draw a caller: mostly an owner of a plan; some tokens are those of signups."""
    kind = draw(st.sampled_from(("user",) * 6 + ("service", "anonymous")))
    if kind != "user":
        return Actor(kind)
    owners = [plan.values["user_id"] for plan in world.of("learning_plans").values()]
    users = (*owners * 2, *world.of("users"), *USERS, NEWCOMER)
    user = draw(st.sampled_from(users))
    if not draw(st.sampled_from(SELDOM)):
        return Actor("user", user)
    email = draw(st.sampled_from((user, user, *USERS)))
    return Actor(
        "user", user, email=email, verified=draw(st.sampled_from((True, False)))
    )


@st.composite
def commands(draw: st.DrawFn, world: World, actor: Actor) -> Command:
    """Draw a command; most of those that read or write name a row that there is."""
    verb = draw(st.sampled_from(("select", "delete", *["update", "insert"] * 3)))
    if verb == "insert":
        return draw(_inserts(world, actor, draw(st.sampled_from(tuple(NEW)))))
    table, row = draw(_targets(world))
    if verb == "select":
        views = {"modules": VIEWS[0], "learning_plans": VIEWS[1]}
        table = draw(st.sampled_from((table, views.get(table, table))))
    elif actor.kind == "service" and row is None:
        row = NOWHERE  # A blind one would reach rows of the host's too.
    values = draw(_changes(world, table)) if verb == "update" else {}
    return Command(verb, table, row, values)


@st.composite
def _targets(draw: st.DrawFn, world: World) -> tuple[str, str | None]:
    """Draw what to read or write: a row of the world, a whole table, or no row."""
    target = draw(st.sampled_from(("row", "row", "row", "whole", "row", "absent")))
    first = draw(st.integers(0, len(TARGETS) - 1))
    if target != "row" or not world.rows:
        return TARGETS[first], NOWHERE if target == "absent" else None
    # The next table that has rows, and a row of it: so a choice stays what it is when
    # shrinking takes a row away that has nothing to do with it.
    after = (*TARGETS[first:], *TARGETS)
    table = next(table for table in after if world.of(table))
    return table, draw(st.sampled_from(tuple(world.of(table))))


@st.composite
def _changes(draw: st.DrawFn, world: World, table: str) -> dict[str, Any]:
    """Draw what an update sets: one or two columns, of which one may be a move."""
    columns = dict(OPEN[table])
    if draw(st.sampled_from(SELDOM)):
        columns = dict(SEALED[table])
    if table in LISTED or draw(st.sampled_from(SELDOM)):
        for name, parent in KEYS[table].items():
            columns[name] = (*world.of(parent), NOWHERE)
    some = st.sampled_from(list(columns))
    names = draw(st.lists(some, min_size=1, max_size=2, unique=True))
    return {name: draw(st.sampled_from(columns[name])) for name in names}


@st.composite
def _inserts(draw: st.DrawFn, world: World, actor: Actor, table: str) -> Command:
    """Draw an insert: of a new row, or of one that there is, under any parent."""
    fresh: tuple[str, ...] = (NEW[table], f"{NEW[table]}_2")
    if table == "users":
        fresh = (actor.user or NEWCOMER, *USERS)
    there = world.of(table) if draw(st.sampled_from(SELDOM)) else ()
    word = draw(st.sampled_from(tuple(dict.fromkeys((*fresh, *there)))))
    values: dict[str, Any] = {"id": word}
    for column, parent in KEYS[table].items():
        parents = (*world.of(parent), NOWHERE)
        if parent == "users" and actor.user:
            parents = (actor.user, actor.user, *parents)
        values[column] = draw(st.sampled_from(parents))
    if "order" in OPEN[table]:
        values["order"] = draw(st.sampled_from((3, *OPEN[table]["order"])))
    columns = SEALED[table] if draw(st.sampled_from(SELDOM)) else OPEN[table]
    for name in draw(st.lists(st.sampled_from(list(columns)), max_size=2, unique=True)):
        values[name] = draw(st.sampled_from(columns[name]))
    return Command("insert", table, word, values)
