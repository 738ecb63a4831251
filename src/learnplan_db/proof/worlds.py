"""
Every small world, everybody in it, and every command worth trying there.

What is small enough is tried without exception: each rule of the outline speaks of at
most two users, two plans and one row below, so a fault shows in one of these worlds.
May import only the nouns; holds no rule, and asks nobody what must come of a command.
Source: outline, §§ 1-8; "small scope hypothesis" (Jackson, Software Abstractions).
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING, Any, NamedTuple

from learnplan_db.proof.nouns import KEYS, TABLES, VIEWS, Actor, Command, Row, World

if TYPE_CHECKING:
    from collections.abc import Iterator

USERS = ("ada", "ben")
# Signed in, but no row has their subject: one is nobody, one is about to sign up.
UNKNOWN, NEWCOMER = "nemo", "newcomer"
NOWHERE = "nowhere"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

# A column that the outline lets some user edit, and one that it lets none edit.
EDITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "users": ({"name": "Renamed"}, {"subscription_tier": "pro"}),
    "learning_plans": ({"visibility": "public"}, {"origin": "manual"}),
    "modules": ({"title": "Renamed"}, {"created_at": LONG_AGO}),
    "tasks": ({"title": "Renamed"}, {"created_at": LONG_AGO}),
    "resources": ({"title": "Renamed"}, {"author": "Somebody"}),
    "task_resources": ({"notes": "Renamed"}, {"created_at": LONG_AGO}),
    "task_progress": ({"status": "completed"}, {"created_at": LONG_AGO}),
    "plan_generations": ({"model": "renamed"}, {"created_at": LONG_AGO}),
}
NEW = {
    "users": NEWCOMER,
    "learning_plans": "new_plan",
    "modules": "new_module",
    "tasks": "new_task",
    "resources": "new_resource",
    "task_resources": "new_link",
    "task_progress": "new_progress",
    "plan_generations": "new_generation",
}
LISTS = {"modules": "plan_id", "tasks": "module_id", "plan_generations": "plan_id"}
# No other row of these worlds has this place in its list.
FREE_PLACE = 7
BELOW: tuple[tuple[str, ...], ...] = ((), ("modules",), ("modules", "tasks"))


class Shape(NamedTuple):
    """A plan of a small world: with a module, or a module with a task, or nothing."""

    owner: str
    visibility: str
    below: tuple[str, ...]


def small_worlds() -> Iterator[World]:
    """Return every world of up to two users and two plans, each but for its names."""
    yield World()
    for count in range(len(USERS) + 1):
        users = USERS[:count]
        kinds = product(users, ("private", "public"), BELOW)
        shapes = [Shape(*kind) for kind in kinds]
        for size in range(3):
            for plans in combinations_with_replacement(shapes, size):
                if not is_twin(users, plans):
                    yield from furnished(users, plans)


def is_twin(users: tuple[str, ...], plans: tuple[Shape, ...]) -> bool:
    """Whether the same world with the users' names exchanged comes first."""
    other = dict(zip(users, reversed(users), strict=True))
    exchanged = sorted(plan._replace(owner=other[plan.owner]) for plan in plans)
    return exchanged < sorted(plans)


def furnished(users: tuple[str, ...], plans: tuple[Shape, ...]) -> Iterator[World]:
    """Return the worlds of these plans: bare, in use, and in use by all there are."""
    idle = not any("tasks" in plan.below for plan in plans)
    # What a second plan adds does not depend on whether the tasks of both are bare.
    if idle or len(plans) == 1:
        yield built(plain(users, plans))
    if idle:
        return
    reading = tuple(
        tuple(u for u in users if plan.visibility == "public" or u == plan.owner)
        for plan in plans
    )
    yield built(plain(users, plans) + used(plans, reading))
    everybody = (users,) * len(plans)
    # A reader's progress outlives that the plan turns private.
    if used(plans, everybody) != used(plans, reading):
        yield built(plain(users, plans) + used(plans, everybody))


def plain(users: tuple[str, ...], plans: tuple[Shape, ...]) -> list[Row]:
    """Return the rows of the users, the catalog, and the plans with what is below."""
    rows = [Row("users", user) for user in users]
    rows.append(Row("resources", "resource_1"))
    for n, plan in enumerate(plans, start=1):
        values: dict[str, Any] = {"user_id": plan.owner, "visibility": plan.visibility}
        rows.append(Row("learning_plans", f"plan_{n}", values))
        # Different places, so that a move into the other list is a matter of rules.
        if "modules" in plan.below:
            values = {"plan_id": f"plan_{n}", "order": n}
            rows.append(Row("modules", f"module_{n}", values))
        if "tasks" in plan.below:
            values = {"module_id": f"module_{n}", "order": n}
            rows.append(Row("tasks", f"task_{n}", values))
    return rows


def used(plans: tuple[Shape, ...], users: tuple[tuple[str, ...], ...]) -> list[Row]:
    """Return a link and a generation of each plan with a task, and users' progress."""
    rows = []
    for n, plan in enumerate(plans, start=1):
        if "tasks" not in plan.below:
            continue
        task, link = f"task_{n}", {"task_id": f"task_{n}", "resource_id": "resource_1"}
        rows.append(Row("task_resources", f"link_{n}", {**link, "order": n}))
        made = {"plan_id": f"plan_{n}"}
        rows.append(Row("plan_generations", f"generation_{n}", made))
        rows += [
            Row("task_progress", f"progress_{n}_{u}", {"task_id": task, "user_id": u})
            for u in users[n - 1]
        ]
    return rows


def built(rows: list[Row]) -> World:
    """Return the world of these rows, parents before children."""
    return World(tuple(sorted(rows, key=lambda row: TABLES.index(row.table))))


def actors(world: World) -> list[Actor]:
    """Return everybody who can ask: all users, two who are none, and no user at all."""
    return [
        *(Actor("user", user) for user in world.of("users")),
        Actor("user", UNKNOWN),
        Actor("user", NEWCOMER, email=NEWCOMER, verified=True),
        Actor("anonymous"),
        Actor("service"),
    ]


def commands(world: World, actor: Actor) -> Iterator[Command]:
    """Return the commands worth trying by this actor in this world."""
    everything = (*reads(), *blind(actor), *writes(world), *inserts(world, actor))
    if actor.kind != "anonymous" and actor.user != UNKNOWN:
        yield from everything
        return
    # To these it is all one whose a row is: the first of each sort will do.
    sorts: dict[tuple[Any, ...], Command] = {}
    for one in everything:
        sort = (one.verb, one.table, one.row is None, *sorted(one.values))
        sorts.setdefault(sort, one)
    yield from sorts.values()


def reads() -> Iterator[Command]:
    """Return a select of every table and view."""
    for table in (*TABLES, *VIEWS):
        yield Command("select", table)


def blind(actor: Actor) -> Iterator[Command]:
    """Return an update and a delete of every table, that read no column."""
    if actor.kind == "service":  # It would reach rows of the host's too.
        return
    for table in TABLES:
        yield Command("update", table, None, EDITS[table][0])
        yield Command("delete", table)


def writes(world: World) -> Iterator[Command]:
    """Return the updates, moves and delete of each row."""
    for table in TABLES:  # A column that nobody may edit is refused before any row.
        for word in list(world.of(table))[:1]:
            yield Command("update", table, word, EDITS[table][1])
    for row in world.rows:
        yield Command("update", row.table, row.id, EDITS[row.table][0])
        for column, table in KEYS[row.table].items():
            for parent in world.of(table):
                if parent != row.values[column]:
                    yield Command("update", row.table, row.id, {column: parent})
        yield Command("delete", row.table, row.id)


def inserts(world: World, actor: Actor) -> Iterator[Command]:
    """Return the inserts of a new row under each parent and none, or of a row again."""
    for table in ("users", "resources"):
        yield inserted(table, NEW[table], {})
    for table, column in LISTS.items():
        place = {"order": FREE_PLACE} if table in {"modules", "tasks"} else {}
        for parent in (*world.of(KEYS[table][column]), NOWHERE):
            yield inserted(table, NEW[table], {column: parent, **place})
    users = dict.fromkeys((*world.of("users"), actor.user or NOWHERE))
    for user in users:
        yield inserted("learning_plans", NEW["learning_plans"], {"user_id": user})
    for task in (*world.of("tasks"), NOWHERE):
        for user in users:
            key = {"task_id": task, "user_id": user}
            yield inserted("task_progress", NEW["task_progress"], key)
        for resource in (*world.of("resources"), NOWHERE):
            link = {"task_id": task, "resource_id": resource, "order": FREE_PLACE}
            yield inserted("task_resources", NEW["task_resources"], link)
    for table in TABLES:
        for row in list(world.of(table).values())[:1]:
            yield inserted(row.table, row.id, row.values)


def inserted(table: str, word: str, values: Any) -> Command:
    """Return the insert of one row, which names its id."""
    return Command("insert", table, word, {"id": word, **values})
