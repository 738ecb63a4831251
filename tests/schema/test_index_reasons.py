"""Every index is a key's, or something needs it: a query, a foreign key, the outline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_database import ROOT
from shape_queries import QUERIES, Query

if TYPE_CHECKING:
    from plan_shapes import Observer

ADR = ROOT / "docs" / "decisions" / "0016-each-index-earns-its-place.md"
KEYS = {
    *("learning_plans_pkey", "modules_pkey", "plan_generations_pkey", "resources_pkey"),
    *("resources_url_key", "task_progress_pkey", "task_progress_task_id_user_id_key"),
    *("task_resources_pkey", "task_resources_task_id_resource_id_key", "tasks_pkey"),
    *("users_clerk_user_id_key", "users_email_key", "users_pkey"),
    *("idx_modules_plan_id_order", "idx_tasks_module_id_order"),
}
# Foreign keys are looked up when a parent is deleted.
NEEDED = {
    "idx_learning_plans_created_at_public": "browse",
    "idx_learning_plans_topic_public": "search of topics",
    "idx_learning_plans_user_id": "dashboard",
    "idx_plan_generations_plan_id": "generations of a plan",
    "idx_resources_tags": "resources with a tag",
    "idx_resources_type": "resources of a type",
    "idx_task_progress_user_id": "all own progress",
    "idx_task_resources_resource_id": "delete of a resource",
}
# Index: the one whose first columns it repeats.
OUTLINE = {
    "idx_modules_plan_id": "idx_modules_plan_id_order",
    "idx_tasks_module_id": "idx_tasks_module_id_order",
    "idx_task_resources_task_id": "task_resources_task_id_resource_id_key",
    "idx_task_progress_task_id": "task_progress_task_id_user_id_key",
}
SERVICE = {
    "resources of a type": Query(
        "select * from learnplan.resources where type = 'doc'",
        (),
        {"resources(type)"},
        rows=100,
        who="service_role",
    ),
    "resources with a tag": Query(
        "select * from learnplan.resources where tags @> array['rare']",
        (),
        {"resources(tags)"},
        rows=100,
        who="service_role",
    ),
    "search of topics": Query(
        "select * from learnplan.learning_plans"
        " where visibility = 'public' and topic ilike '%%1980%%'",
        (),
        {"learning_plans(topic)"},
        who="service_role",
    ),
}
# Few topics are sooner read than looked up.
MORE_PLANS = (
    "insert into learnplan.learning_plans"
    " (user_id, topic, skill_level, weekly_hours, learning_style, visibility)"
    " select user_id, 'Another', skill_level, weekly_hours, learning_style, 'public'"
    " from learnplan.learning_plans, generate_series(1, 5) as n",
    "analyze learnplan.learning_plans",
)


def test_each_index_has_a_reason(observer: Observer) -> None:
    """An index that is new is one to account for; one that is gone leaves the list."""
    rows = observer.connection.execute(
        "select indexname::text from pg_indexes where schemaname = 'learnplan'"
    )
    assert KEYS | set(NEEDED) | set(OUTLINE) == {row[0] for row in rows}


def test_keys_are_the_indexes_of_constraints(observer: Observer) -> None:
    """An index that keeps rows apart has its constraint as reason."""
    rows = observer.connection.execute(
        "select conindid::regclass::text from pg_constraint where contype in ('p', 'u')"
        " and connamespace = 'learnplan'::regnamespace"
    )
    assert {f"learnplan.{name}" for name in KEYS} == {row[0] for row in rows}


@pytest.mark.parametrize("index", NEEDED)
def test_what_needs_an_index_uses_it(observer: Observer, index: str) -> None:
    """It is read by what needs it, which must read a whole table without it."""
    query = (QUERIES | SERVICE)[NEEDED[index]]
    world = MORE_PLANS if index == "idx_learning_plans_topic_public" else ()
    drop = f"drop index learnplan.{index}"
    asks = (query.who, query.text, query.arguments)
    used = observer.see(*asks, before=world)
    lost = observer.see(*asks, before=(*world, drop))
    assert query.rows == used.rows == lost.rows
    assert index in used.indexes()
    whole = {f"{observer.leading[index].partition('(')[0]}: Seq Scan"}
    assert whole == lost.paths(observer.leading) - used.paths(observer.leading)


@pytest.mark.parametrize("index", OUTLINE)
def test_the_outlines_index_repeats_another(observer: Observer, index: str) -> None:
    """Without it all queries go the same way, through the index that it repeats."""
    for name, query in QUERIES.items():
        asks = (query.who, query.text, query.arguments)
        used = observer.see(*asks)
        if index not in used.indexes():
            continue
        lost = observer.see(*asks, before=[f"drop index learnplan.{index}"])
        assert OUTLINE[index] in lost.indexes(), name
        assert used.paths(observer.leading) == lost.paths(observer.leading)
        assert lost.buffers <= used.buffers * 1.05 + 2


@pytest.mark.parametrize("index", OUTLINE)
def test_the_outlines_index_is_explained(observer: Observer, index: str) -> None:
    """ADR 0016 names it with the one that it repeats, and both begin alike."""
    assert f"| `{index}` | `{OUTLINE[index]}`" in ADR.read_text()
    assert observer.leading[index] == observer.leading[OUTLINE[index]]
