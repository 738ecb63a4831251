"""
The accessors against the tables: who asks, what there is, and where the two differ.

The tables' own policies are the account that an accessor is held to: a difference is
an identity, an accessor, and what one of the two shows and the other does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fix_attacks import Told, told

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator, Sequence

    from fix_personas import World

ACCESSORS = (
    "learnplan.plan_tree(uuid)",
    "learnplan.plan_progress_of(uuid)",
    "learnplan.my_progress()",
    "learnplan.search_public_plans(text,integer)",
)
TREE = """
select m.id, m."order", m.title, m.description, m.estimated_minutes,
  t.id, t."order", t.title, t.description, t.estimated_minutes,
  l.id, l."order", l.notes, r.id, r.type, r.title, r.url
from learnplan.modules as m
left join learnplan.tasks as t on t.module_id = m.id
left join learnplan.task_resources as l on l.task_id = t.id
left join learnplan.resources as r on r.id = l.resource_id
where m.plan_id = %s
order by m."order", t."order", l."order", l.id"""
MINE = """
select s.* from learnplan.plan_progress as s
inner join learnplan.learning_plans as p on p.id = s.plan_id
where p.user_id = (select learnplan.current_user_id()) order by s.plan_id"""
SEARCH = """
select * from learnplan.learning_plans
where visibility = 'public' and position(lower(%s) in lower(topic)) > 0 order by id"""
# By accessor and what it is asked about: the accessor, and the tables.
PAIRS = {
    "plan_tree": ("select * from learnplan.plan_tree(%s)", TREE),
    "plan_progress_of": (
        "select * from learnplan.plan_progress_of(%s)",
        "select * from learnplan.plan_progress where plan_id = %s",
    ),
    "my_progress": ("select * from learnplan.my_progress() order by plan_id", MINE),
    "search_public_plans": (
        "select * from learnplan.search_public_plans(%s, 1000) order by id",
        SEARCH,
    ),
}
USERS = ("ann", "ben", "cem")
# Who asks: a name, and the claims that say so.
CLAIMS: dict[str, Any] = {
    **{name: {"sub": name} for name in USERS},
    "unknown": {"sub": "nemo"},
    "no subject": {"role": "authenticated"},
    "null subject": {"sub": None},
    "nobody": "",
}
WORDS = ("", "sql", "QL", "%", "_", "\\", "100%", "zz")


@dataclass
class Rows:
    """What a world holds: plans by name, and all ids of tasks and users."""

    users: dict[str, uuid.UUID] = field(default_factory=dict)
    plans: dict[str, uuid.UUID] = field(default_factory=dict)
    tasks: list[uuid.UUID] = field(default_factory=list)


def plan(
    world: World,
    rows: Rows,
    owner: str,
    visibility: str,
    modules: Sequence[Sequence[int]],
) -> list[uuid.UUID]:
    """Make a plan of modules of tasks, each with that many links; return the tasks."""
    made = world.plan(rows.users[owner], visibility)
    rows.plans[f"{owner} {visibility} {len(rows.plans)}"] = made
    tasks = []
    for week, links in enumerate(modules):
        module = world.module(made, 3 * week + 1)
        for place, number in enumerate(links, start=1):
            task = world.task(module, place, 10 * place)
            tasks.append(task)
            for _ in range(number):
                url = f"https://example.org/{task}/{world.one('select random()')}"
                world.link(task, world.resource(url))
    rows.tasks += tasks
    return tasks


def every_shape(world: World) -> Rows:
    """Make plans of all shapes: ann has many, ben one, and cem reads and has none."""
    rows = Rows({name: world.user(name) for name in USERS})
    full = plan(world, rows, "ann", "private", [[2, 0], [], [1]])
    shared = plan(world, rows, "ann", "public", [[1, 1, 0], [2]])
    turned = plan(world, rows, "ann", "public", [[0, 3]])
    plan(world, rows, "ann", "private", [])
    plan(world, rows, "ann", "public", [])
    plan(world, rows, "ann", "public", [[], []])
    bens = plan(world, rows, "ben", "private", [[1], [1]])
    for who, task, status in (
        ("ann", full[0], "completed"),
        ("ann", full[1], "in_progress"),
        ("ann", full[2], "completed"),
        ("ann", shared[0], "not_started"),
        ("ben", shared[0], "completed"),
        ("ben", shared[1], "completed"),
        ("ben", shared[2], "completed"),
        ("cem", shared[3], "completed"),
        ("cem", turned[0], "completed"),
        ("ann", turned[1], "completed"),
        ("ben", bens[0], "completed"),
        ("ben", bens[1], "completed"),
    ):
        world.progress(rows.users[who], task, status)
    topics = ("Chess", "sql_x", "x", "y", "100% SQLx", "a\\b")
    for key, topic in zip(rows.plans.values(), topics, strict=False):
        world.one(
            "update learnplan.learning_plans set topic = %s where id = %s returning 1",
            topic,
            key,
        )
    world.one(
        "update learnplan.learning_plans set visibility = 'private' where id = %s"
        " returning 1",
        list(rows.plans.values())[2],
    )
    return rows


def pairs(rows: Rows) -> Iterator[tuple[str, str, str, tuple[Any, ...]]]:
    """Yield each accessor and what the tables are asked for the same."""
    for accessor, (ask, tables) in PAIRS.items():
        if accessor == "my_progress":
            yield accessor, ask, tables, ()
        else:
            about = WORDS if accessor.startswith("search") else rows.plans.values()
            for one in about:
                yield accessor, ask, tables, (one,)


def differences(
    world: World, rows: Rows, by: tuple[str, str] | None = None
) -> tuple[set[tuple[str, str]], int]:
    """
    Return for whom which accessor differs, and how many rows the tables show.

    Args: by: one of both, when no other is to be tried.
    """
    found, same = set(), 0
    for who in (by[0],) if by else CLAIMS:
        with world.as_claims(CLAIMS[who]):
            for accessor, ask, tables, about in pairs(rows):
                if by and accessor != by[1]:
                    continue
                shown: Told = told(world, ask, *about)
                wanted: Told = told(world, tables, *about)
                if (shown.state, shown.rows) != (wanted.state, wanted.rows):
                    found.add((who, accessor))
                same += len(wanted.rows)
    return found, same


def broken(world: World, function: str, old: str, new: str) -> None:
    """Put other words into a function, which must have the old ones."""
    definition = world.one("select pg_get_functiondef(%s::regprocedure)", function)
    assert old in definition
    world.connection.execute(definition.replace(old, new).encode())
