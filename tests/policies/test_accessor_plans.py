"""
Accessors run by index, whatever the statistics say, and touch what a query by hand does.

The plans are those inside the functions: auto_explain sends them as notices.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from fix_accessors import TREE
from fix_tools import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from fix_personas import World

# 400 users of whom the first has 100 plans, others one or two; 10 tasks in 2 modules each.
CROWD = """
insert into learnplan.users (id, clerk_user_id, email)
select md5('user' || n)::uuid, 'user' || n, 'user' || n || '@example.org'
from generate_series(1, 400) as n;
insert into learnplan.learning_plans
  (id, user_id, topic, skill_level, weekly_hours, learning_style, visibility)
select md5('plan' || n)::uuid, md5('user' || case when n % 6 = 0 then 1 else n % 400 + 1 end)::uuid,
  case n % 50 when 7 then 'Knitting' else 'SQL' end, 'beginner', 5, 'mixed',
  case when n % 20 = 7 then 'public' else 'private' end
from generate_series(1, 600) as n;
insert into learnplan.modules (id, plan_id, "order", title, estimated_minutes)
select md5('module' || n || '/' || m)::uuid, md5('plan' || n)::uuid, m, 'm', 60
from generate_series(1, 600) as n, generate_series(1, 2) as m;
insert into learnplan.tasks (id, module_id, "order", title, estimated_minutes)
select md5('task' || n || '/' || m || '/' || t)::uuid, md5('module' || n || '/' || m)::uuid,
  t, 't', 30
from generate_series(1, 600) as n, generate_series(1, 2) as m, generate_series(1, 5) as t;
insert into learnplan.resources (id, type, title, url)
select md5('resource' || n)::uuid, 'doc', 'r', 'https://example.org/' || n
from generate_series(1, 600) as n;
insert into learnplan.task_resources (task_id, resource_id, "order")
select md5('task' || n || '/' || m || '/1')::uuid, md5('resource' || n)::uuid, 1
from generate_series(1, 600) as n, generate_series(1, 2) as m;
insert into learnplan.task_progress (task_id, user_id, status)
select t.id, p.user_id, 'completed'
from learnplan.tasks as t
inner join learnplan.modules as m on m.id = t.module_id
inner join learnplan.learning_plans as p on p.id = m.plan_id
where t."order" < 4
"""
PLAN = "(select md5('plan7')::uuid)"  # public, of one of the many
CALLS = {
    "plan_tree": f"select * from learnplan.plan_tree({PLAN})",
    "plan_progress_of": f"select * from learnplan.plan_progress_of({PLAN})",
    "my_progress": "select * from learnplan.my_progress()",
    "search_public_plans": "select * from learnplan.search_public_plans('sql')",
}
NEWEST = "idx_learning_plans_created_at_public"
INDEXES = {
    "plan_tree": {
        "learning_plans_pkey",
        "idx_modules_plan_id",
        "idx_tasks_module_id",
        "idx_task_resources_task_id",
        "resources_pkey",
    },
    "plan_progress_of": {
        "learning_plans_pkey",
        "idx_modules_plan_id",
        "idx_tasks_module_id",
        "idx_task_progress_task_id",
    },
    "my_progress": {
        "idx_learning_plans_user_id",
        "idx_modules_plan_id",
        "idx_tasks_module_id",
        "idx_task_progress_user_id",
    },
    "search_public_plans": {NEWEST},
}
# Each other has the same columns first, and serves as well.
TWINS = {
    "idx_modules_plan_id_order": "idx_modules_plan_id",
    "idx_tasks_module_id_order": "idx_tasks_module_id",
    "task_resources_task_id_resource_id_key": "idx_task_resources_task_id",
    "task_progress_task_id_user_id_key": "idx_task_progress_task_id",
}
STATISTICS = {
    "none": [],
    "analyzed": ["analyze"],
    # As if every plan had a twentieth of all modules, and so on down.
    "misleading": [
        *(
            f"alter table learnplan.{table} alter column {column} set (n_distinct = 20)"
            for table, column in (
                ("modules", "plan_id"),
                ("tasks", "module_id"),
                ("task_resources", "task_id"),
                ("task_progress", "task_id"),
            )
        ),
        "analyze",
    ],
}


@contextmanager
def inner_plans(world: World) -> Iterator[list[dict[str, Any]]]:
    """Collect the plans of the statements inside functions; the list fills as they run."""
    found: list[dict[str, Any]] = []

    def notice(diagnostic: Any) -> None:
        _, _, text = (diagnostic.message_primary or "").partition("plan:\n")
        if text:
            found.append(json.loads(text))

    connection = world.connection
    connection.execute("load 'auto_explain'")
    for name, value in (
        ("log_min_duration", "0"),
        ("log_nested_statements", "on"),
        ("log_format", "json"),
        ("log_level", "notice"),
    ):
        connection.execute(f"set local auto_explain.{name} = '{value}'".encode())
    connection.add_notice_handler(notice)
    try:
        yield found
    finally:
        connection.remove_notice_handler(notice)
        connection.execute("set local auto_explain.log_min_duration = -1")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all nodes of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def ran(found: list[dict[str, Any]], word: str) -> list[dict[str, Any]]:
    """Return the nodes of the statements that have this word."""
    return [
        node
        for one in found
        if word in one["Query Text"]
        for node in nodes(one["Plan"])
    ]


@pytest.mark.parametrize("statistics", STATISTICS)
@pytest.mark.parametrize("accessor", CALLS)
def test_accessor_goes_by_index(world: World, accessor: str, statistics: str) -> None:
    """No table is read whole, analyzed or not, or with wrong statistics (issue 6)."""
    world.connection.execute(CROWD.encode())
    for statement in STATISTICS[statistics]:
        world.connection.execute(statement.encode())
    with (
        inner_plans(world) as found,
        world.as_user("user8"),
    ):
        assert world.connection.execute(CALLS[accessor].encode()).fetchall()
    inside = ran(found, "learnplan.learning_plans")
    scans = {node["Node Type"] for node in inside if "Scan" in node["Node Type"]}
    assert "Seq Scan" not in scans
    indexes = {node["Index Name"] for node in inside if "Index Name" in node}
    assert INDEXES[accessor] == {TWINS.get(name, name) for name in indexes}


def test_rare_word_is_found_by_trigram(world: World) -> None:
    """Only a word that none of the newest has is sought by trigram (design, policies)."""
    if not world.one("select to_regclass('learnplan.idx_learning_plans_topic_public')"):
        absent("pg_trgm is not there")
    world.connection.execute(CROWD.encode())
    topics = (
        "insert into learnplan.learning_plans (user_id, topic, skill_level, weekly_hours,"
        " learning_style, visibility) select md5('user1')::uuid, md5(n::text), 'beginner',"
        " 5, 'mixed', 'public' from generate_series(1, 6000) as n"
    )
    world.connection.execute(topics)
    world.connection.execute("analyze")
    with inner_plans(world) as found, world.as_user("user8"):
        for word, used in (
            ("zymurgy", {"idx_learning_plans_topic_public", NEWEST}),
            ("a", {NEWEST}),
        ):
            found.clear()
            world.one("select count(*) from learnplan.search_public_plans(%s)", word)
            inside = ran(found, "learnplan.learning_plans")
            assert used == {n["Index Name"] for n in inside if "Index Name" in n}


HAND = """
select w.plan_id, count(w.module_id), sum(w.done) from (
  select p.id as plan_id, m.id as module_id, count(d.task_id) as done
  from learnplan.learning_plans as p
  left join learnplan.modules as m on m.plan_id = p.id
  left join learnplan.tasks as t on t.module_id = m.id
  left join learnplan.task_progress as d on d.task_id = t.id and d.user_id = {me}
  where {where}
  group by p.id, m.id
) as w group by w.plan_id"""
# Looks one plan ahead.
AHEAD = {"search_public_plans"}
READABLE = "(p.user_id = {me} or p.visibility = 'public')"
BY_HAND = {
    "plan_tree": TREE.replace("%s", PLAN)
    .replace(
        "from learnplan.modules as m",
        "from learnplan.learning_plans as p"
        " inner join learnplan.modules as m on m.plan_id = p.id",
    )
    .replace("m.plan_id = (", f"{READABLE} and p.id = ("),
    "plan_progress_of": HAND.replace("{where}", f"p.id = {PLAN} and {READABLE}"),
    "my_progress": HAND.replace("{where}", "p.user_id = {me}"),
    "search_public_plans": "select * from learnplan.learning_plans where visibility ="
    " 'public' and topic ilike '%sql%' order by created_at desc limit 20",
}


def buffers(connection: psycopg.Connection[Any], statement: str) -> int:
    """Return how many pages a statement touches once all is planned and warm."""
    explain = f"explain (analyze, buffers, timing off, format json) {statement}"
    for _ in range(3):
        ((told,),) = connection.execute(explain.encode()).fetchall()
    plan = told[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_accessor_touches_what_a_query_by_hand_does(
    cloned: psycopg.Connection[Any],
) -> None:
    """At most 1.05 of the pages when the token has the user's id; a search looks ahead (issue 6)."""
    cloned.execute(CROWD.encode())
    cloned.execute("analyze")
    cloned.commit()
    ratios = {}
    for user in ("user1", "user8"):
        for accessor, by_hand in BY_HAND.items():
            query = "select id::text from learnplan.users where clerk_user_id = %s"
            ((me,),) = cloned.execute(query, [user]).fetchall()
            for kind in ("seqscan", "hashjoin", "mergejoin"):  # as in a large world
                cloned.execute(f"set local enable_{kind} = off".encode())
            bare = buffers(cloned, by_hand.replace("{me}", f"'{me}'"))
            cloned.rollback()
            claims = json.dumps({"sub": user, "user_id": me})
            cloned.execute(
                "select set_config('request.jwt.claims', %s, true)", [claims]
            )
            cloned.execute("set local role authenticated")
            ours = buffers(cloned, CALLS[accessor])
            cloned.rollback()
            ratios[user, accessor] = (ours - (accessor in AHEAD)) / bare
    assert {k: v for k, v in ratios.items() if v > 1.05} == {}


def test_search_goes_on_when_plans_get_a_column(world: World) -> None:
    """A session that has searched before searches on: releases add columns."""
    world.plan(world.user("ann"), "public")
    search = (
        "select count(to_jsonb(s) -> %s) from learnplan.search_public_plans(%s) as s"
    )
    asked = (("topic", "SQL", 1), ("more", "SQL", 1), ("more", "no such", 0))
    for column, word, found in asked:
        with world.as_user("ann"):
            assert found == world.one(search, column, word)
        world.connection.execute(
            "alter table learnplan.learning_plans"
            " add column if not exists more integer not null default 7"
        )
