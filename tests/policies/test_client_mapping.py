"""Outline, client mapping notes: progress views, weekly hours, reordering."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fix_personas import World

PLAN = (
    "select completed_tasks, total_tasks, percentage::float, total_weeks,"
    " current_week, completed_minutes, total_minutes, completed_hours::float,"
    " total_hours::float from learnplan.plan_progress where plan_id = %s"
)
MODULES = (
    'select "order", completed_tasks, total_tasks, status::text, percentage::float'
    ' from learnplan.module_progress where plan_id = %s order by "order"'
)


def rows(world: World, statement: str, *parameters: Any) -> tuple[Any, ...]:
    """Return all rows of a query as whoever acts now."""
    return world.attempt(statement, *parameters).rows


def build(world: World, plan: uuid.UUID, sizes: list[int]) -> list[list[uuid.UUID]]:
    """Make modules with gaps in their order and that many tasks each."""
    return [
        [
            world.task(module, place)
            for module in [world.module(plan, 10 * (week + 1))]
            for place in range(1, size + 1)
        ]
        for week, size in enumerate(sizes)
    ]


@pytest.mark.parametrize(
    ("sizes", "done", "expected"),
    [
        ([], 0, (0, 0, 0.0, 0, 0, 0, 0, 0.0, 0.0)),
        ([0, 0], 0, (0, 0, 0.0, 2, 1, 0, 0, 0.0, 0.0)),
        ([2, 2], 0, (0, 4, 0.0, 2, 1, 0, 120, 0.0, 2.0)),
        ([2, 2], 1, (1, 4, 25.0, 2, 1, 30, 120, 0.5, 2.0)),
        ([2, 2], 2, (2, 4, 50.0, 2, 2, 60, 120, 1.0, 2.0)),
        ([2, 2], 4, (4, 4, 100.0, 2, 2, 120, 120, 2.0, 2.0)),
        ([1, 0, 1], 2, (2, 2, 100.0, 3, 2, 60, 60, 1.0, 1.0)),
        ([3], 2, (2, 3, 66.6, 1, 1, 60, 90, 1.0, 1.5)),
    ],
)
def test_plan_progress(
    world: World, sizes: list[int], done: int, expected: tuple[float, ...]
) -> None:
    """Completed by total tasks; a week is a module (outline, client mapping)."""
    ann = world.user("ann")
    plan = world.plan(ann)
    tasks = [task for module in build(world, plan, sizes) for task in module]
    for task in tasks[:done]:
        world.progress(ann, task, "completed")
    with world.as_user("ann"):
        assert (expected,) == rows(world, PLAN, plan)


def test_hundred_percent_means_all(world: World) -> None:
    """1999 of 2000 tasks is cut to 99.9, not rounded to 100."""
    ann = world.user("ann")
    plan = world.plan(ann)
    module = world.module(plan)
    world.connection.execute(
        'insert into learnplan.tasks (module_id, "order", title, estimated_minutes)'
        " select %s, n, 't', 1 from generate_series(1, 2000) as n",
        [module],
    )
    world.connection.execute(
        "insert into learnplan.task_progress (task_id, user_id, status)"
        " select id, %s, 'completed' from learnplan.tasks where \"order\" < 2000",
        [ann],
    )
    with world.as_user("ann"):
        assert rows(world, PLAN, plan)[0][2] == 99.9


def test_module_progress(world: World) -> None:
    """A module is complete when all child tasks are completed (client mapping)."""
    ann = world.user("ann")
    plan = world.plan(ann)
    done, half, untouched, _ = build(world, plan, [2, 2, 1, 0])
    for task in (*done, half[0]):
        world.progress(ann, task, "completed")
    world.progress(ann, untouched[0], "not_started")
    with world.as_user("ann"):
        assert (
            (10, 2, 2, "completed", 100.0),
            (20, 1, 2, "in_progress", 50.0),
            (30, 0, 1, "not_started", 0.0),
            (40, 0, 0, "not_started", 0.0),
        ) == rows(world, MODULES, plan)


def test_current_week_stays_when_a_later_module_is_done_first(world: World) -> None:
    """currentWeek stays at the next module index (outline, client mapping)."""
    ann = world.user("ann")
    plan = world.plan(ann)
    _, second = build(world, plan, [1, 1])
    world.progress(ann, second[0], "completed")
    with world.as_user("ann"):
        assert rows(world, PLAN, plan)[0][4] == 1


def test_progress_on_a_public_plan_is_the_callers_own(world: World) -> None:
    """Per-user progress: on others' public plans one sees one's own (table 7)."""
    ann, ben = world.user("ann"), world.user("ben")
    plan = world.plan(ann, "public")
    ((first, second),) = build(world, plan, [2])
    world.progress(ann, first, "completed")
    world.progress(ann, second, "completed")
    world.progress(ben, first, "completed")
    query = "select user_id, completed_tasks from learnplan.plan_progress"
    with world.as_user("ben"):
        assert ((ben, 1),) == rows(world, query)
    with world.as_user("ann"):
        assert ((ann, 2),) == rows(world, query)
    with world.as_service():
        assert ((ann, 2),) == rows(world, query)


def test_stranger_cannot_see_progress_of_private_plans(world: World) -> None:
    """The views show what the tables' policies show (design, tables)."""
    ann = world.user("ann")
    plan = world.plan(ann)
    build(world, plan, [1])
    world.user("ben")
    with world.as_user("ben"):
        assert rows(world, PLAN, plan) == ()
        assert rows(world, MODULES, plan) == ()
    assert world.exists("learning_plans", plan)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("1-2", 2),
        ("3-5", 5),
        ("6-10", 10),
        ("11-15", 15),
        ("16-20", 20),
        ("20+", 25),
        (None, None),
    ],
)
def test_weekly_hours(world: World, text: str | None, hours: int | None) -> None:
    """UI ranges map to representative integers (outline, client mapping)."""
    world.user("ann")
    with world.as_user("ann"):
        assert world.one("select learnplan.weekly_hours(%s::text)", text) == hours


@pytest.mark.parametrize("text", ["", "2-3", "20", "1-2 ", "1–2"])  # noqa: RUF001
def test_weekly_hours_refuses_an_unknown_range(world: World, text: str) -> None:
    """Only the ranges of the outline are known."""
    assert world.attempt("select learnplan.weekly_hours(%s)", text).detail == "LPWKH"


REORDER = "select learnplan.reorder_modules(%s::uuid, %s::uuid[])"
ORDER = 'select id from learnplan.modules where plan_id = %s order by "order"'


@pytest.mark.parametrize("orders", [[1, 2, 3], [5, 900, 2147483647], [3, 6, 7]])
def test_owner_can_reorder_modules(world: World, orders: list[int]) -> None:
    """A whole list in a new order in one call (design, tables)."""
    plan = world.plan(world.user("ann"))
    modules = [world.module(plan, order) for order in orders]
    wanted = [modules[2], modules[0], modules[1]]
    with world.as_user("ann"):
        assert world.attempt(REORDER, plan, wanted).kind == "rows"
        assert wanted == [row[0] for row in rows(world, ORDER, plan)]
        assert world.attempt(REORDER, plan, wanted).kind == "rows"
    places = 'select array_agg("order" order by "order") from learnplan.modules'
    assert world.one(places) == [1, 2, 3]


def test_owner_can_reorder_tasks(world: World) -> None:
    """The same for the tasks of a module (design, tables)."""
    module = world.module(world.plan(world.user("ann")))
    wanted = [world.task(module, place) for place in (1, 2, 3)][::-1]
    statement = "select learnplan.reorder_tasks(%s::uuid, %s::uuid[])"
    with world.as_user("ann"):
        assert world.attempt(statement, module, wanted).kind == "rows"
        assert world.attempt(statement, module, wanted[1:]).detail == "LPORD"
    found = world.one('select array_agg(id order by "order") from learnplan.tasks')
    assert wanted == found


def test_owner_cannot_reorder_with_another_list(world: World) -> None:
    """Refuse a list that is not exactly the parent's children (design, tables)."""
    ann = world.user("ann")
    plan = world.plan(ann)
    first, second = world.module(plan, 1), world.module(plan, 2)
    foreign = world.module(world.plan(ann))
    lists = (
        [first],
        [first, second, second],
        [first, first],
        [first, foreign],
        [first, second, foreign],
        [first, None],
        [],
        None,
    )
    with world.as_user("ann"):
        for wrong in lists:
            assert world.attempt(REORDER, plan, wrong).detail == "LPORD"
        assert world.attempt(REORDER, None, [first]).detail == "LPORD"
    assert [first, second] == [row[0] for row in rows(world, ORDER, plan)]


def test_owner_can_reorder_an_empty_plan(world: World) -> None:
    """Nothing to order is no error."""
    plan = world.plan(world.user("ann"))
    with world.as_user("ann"):
        assert world.attempt(REORDER, plan, []).kind == "rows"


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_reorder_modules(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may update modules (outline, table 3)."""
    plan = world.plan(world.user("ann"), visibility)
    modules = [world.module(plan, place) for place in (1, 2)]
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(REORDER, plan, modules[::-1]).detail == "LPORD"
        assert world.attempt(REORDER, uuid.uuid4(), modules).detail == "LPORD"
    assert modules == [row[0] for row in rows(world, ORDER, plan)]
