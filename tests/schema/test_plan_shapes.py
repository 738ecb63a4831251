"""
Plans keep their shape: which index, how many look-ups, never a whole table.

No time is measured. Each rule holds for custom and for generic plans, before the first
ANALYZE and after it; `./dev test-matrix` asks the same of each major.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plan_shapes import the
from shape_queries import QUERIES, WHO

if TYPE_CHECKING:
    from fix_shapes import Seen
    from plan_shapes import Observer, Shape

MODES = ("force_custom_plan", "force_generic_plan")
BARE = (
    "alter policy {0}_select_authenticated on learnplan.{0} using (exists"
    " (select from learnplan.{1} as parent where parent.id = {0}.{2}))"
)
NAIVE = {
    "tasks": BARE.format("tasks", "modules", "module_id"),
    "modules": BARE.format("modules", "learning_plans", "plan_id"),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_table_is_read_through_the_index_that_serves_it(
    seen: Seen, mode: str
) -> None:
    """Rows, and the first column of each index, are those that the query calls for."""
    expected = {name: (q.rows, sorted(q.paths)) for name, q in seen.queries.items()}
    leading = seen.observer.leading
    shapes = seen.shapes[mode].items()
    assert expected == {n: (s.rows, sorted(s.paths(leading))) for n, s in shapes}


@pytest.mark.parametrize("mode", MODES)
def test_a_parent_is_looked_up_once_for_all_rows_with_its_key(
    seen: Seen, mode: str
) -> None:
    """The cache of parents has one miss a key, and a hit for every other row."""
    expected = {name: query.kept for name, query in seen.queries.items()}
    assert expected == {n: shape.kept() for n, shape in seen.shapes[mode].items()}


@pytest.mark.parametrize("mode", MODES)
def test_who_is_asking_is_asked_once_a_policy(seen: Seen, mode: str) -> None:
    """No place in a plan asks twice, and no condition on rows asks at all."""
    shapes = seen.shapes[mode]
    asked = {n: s.identities() for n, s in shapes.items()}
    assert {} == {name: times for name, times in asked.items() if set(times) - {1}}
    signed_in = {name for name, query in QUERIES.items() if query.who == "user 1"}
    assert signed_in == {
        n for n, s in shapes.items() if WHO in s.paths(seen.observer.leading)
    }
    assert {} == {n: s.by_row() for n, s in shapes.items() if s.by_row()}


@pytest.mark.parametrize(
    "setting",
    [
        "enable_indexonlyscan = off",
        "parallel_setup_cost = 0; set local parallel_tuple_cost = 0;"
        " set local min_parallel_table_scan_size = 0",
        "random_page_cost = 1.1",
        "random_page_cost = 6",
        "work_mem = '64kB'",
    ],
)
def test_settings_of_a_server_do_not_change_the_shape(
    observer: Observer, setting: str
) -> None:
    """Fast and slow disks, little memory, and parallel plans that cost nothing."""
    queries = {n: query for n, query in QUERIES.items() if query.who == "user 1"}
    expected = {name: (sorted(q.paths), q.kept) for name, q in queries.items()}
    found = {}
    for name, query in queries.items():
        before = [f"set local {setting}"]
        shape = observer.see(query.who, query.text, query.arguments, before=before)
        found[name] = (sorted(shape.paths(observer.leading)), shape.kept())
    assert expected == found


@pytest.mark.parametrize("kind", ["no scroll", "scroll"])
def test_a_cursor_keeps_what_it_found(observer: Observer, kind: str) -> None:
    """Fetched one by one, rows share the look-up of their parent as in one result."""
    query = QUERIES["tasks of a module"]
    text = query.text.replace("%s", f"'{query.arguments[0]}'")
    fetch = "; ".join(["fetch c"] * query.rows)
    shape = observer.see(
        query.who, f"declare c {kind} cursor for {text}; {fetch}; close c", None
    )
    assert query.kept == shape.kept()


# One user has 200 plans, all others have one, and nobody shows theirs.
ONE_HAS_MANY = (
    "set local session_replication_role = replica",
    "update learnplan.learning_plans set visibility = 'private', user_id = case"
    " when right(topic, 1) = '1' then md5('user 1')::uuid else id end",
    "analyze learnplan.learning_plans",
)
AVERAGE = "alter table learnplan.learning_plans alter column user_id reset (n_distinct)"


@pytest.mark.parametrize(
    "name", ["generations of a plan", "page of a plan", "tasks of a module"]
)
def test_the_key_leads_to_a_plan_even_if_the_average_user_has_one(
    observer: Observer, name: str
) -> None:
    """
    Who has many plans among users of one does not have all of them read for each key.

    Control: so it is where the planner believes in the average, without n_distinct.
    """
    query = QUERIES[name]
    asks = (query.who, query.text, query.arguments)
    shape = observer.see(*asks, before=ONE_HAS_MANY)
    assert (query.rows, query.kept) == (shape.rows, shape.kept())
    assert query.paths == shape.paths(observer.leading)
    average = observer.see(*asks, before=(AVERAGE, *ONE_HAS_MANY))
    assert "learning_plans(user_id)" in average.paths(observer.leading)
    assert shape.buffers + 100 < average.buffers


POPULAR = (
    "set local session_replication_role = replica",
    "insert into learnplan.task_progress (task_id, user_id)"
    " select md5('task 20.' || m || '.1')::uuid, id from learnplan.users,"
    " generate_series(1, 5) as m on conflict do nothing",
    "set local session_replication_role = origin",
)
ONE_EACH = "alter table learnplan.task_progress alter column task_id reset (n_distinct)"


def test_progress_of_others_on_a_popular_plan_is_not_read(observer: Observer) -> None:
    """
    One's own progress is found by its key, though six hundred work on the same tasks.

    Control: so it is not where the planner believes that a task is one person's.
    """
    asks = (
        "user 1",
        "select * from learnplan.plan_progress where plan_id = %s",
        [the("plan", 20)],
    )
    anew = "analyze learnplan.task_progress"
    shape = observer.see(*asks, before=[anew, *POPULAR])
    average = observer.see(*asks, before=[ONE_EACH, anew, *POPULAR])
    assert shape.buffers + 20 < average.buffers


def _tasks(observer: Observer, *before: str) -> Shape:
    """Return the shape of the page's tasks after some change, which does not stay."""
    query = QUERIES["tasks of a module"]
    return observer.see(query.who, query.text, query.arguments, before=before)


def test_a_lost_index_is_seen(observer: Observer) -> None:
    """Control: without its two indexes, the tasks of a module are found in all tasks."""
    lost = _tasks(
        observer,
        "drop index learnplan.idx_tasks_module_id",
        "alter table learnplan.tasks drop constraint idx_tasks_module_id_order",
    )
    assert "tasks: Seq Scan" in lost.paths(observer.leading)
    assert "tasks: Seq Scan" not in _tasks(observer).paths(observer.leading)


def test_a_parent_that_is_asked_for_each_row_is_seen(observer: Observer) -> None:
    """Control: the EXISTS of the tutorials looks the module up for each of 50 tasks."""
    naive = _tasks(observer, *NAIVE.values())
    assert ([], 50) == (naive.kept(), naive.asked("modules"))
    ours = _tasks(observer)
    assert ([(1, 0), (1, 49)], 1) == (ours.kept(), ours.asked("modules"))
    assert 4 * ours.buffers < naive.buffers


def test_an_identity_that_is_asked_for_each_row_is_seen(observer: Observer) -> None:
    """Control: a call that no sub-select wraps is a condition on every row."""
    bare = _tasks(
        observer,
        "alter policy tasks_select_authenticated on learnplan.tasks using"
        " (learnplan_private.owns_module(module_id, learnplan.current_user_id()))",
    )
    assert bare.by_row()


def test_without_the_cache_a_look_up_costs_what_it_did(observer: Observer) -> None:
    """The rows that never match cost nothing, even if the parent is hidden."""
    query = QUERIES["tasks of a hidden module"]

    def buffers(*before: str) -> int:
        """Return how many pages are touched after some change."""
        shape = observer.see(query.who, query.text, query.arguments, before=before)
        return shape.buffers

    off = "set local enable_memoize = off"
    naive = buffers(off, *NAIVE.values())
    assert naive - 2 <= buffers(off) <= naive + 2
    assert buffers() < naive
