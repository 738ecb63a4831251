"""Attacks by predicates that tell: functions, errors and upserts shown hidden rows."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from fix_attacks import DONE, REFUSED, everything, peeking, told
from fix_personas import TABLES

if TYPE_CHECKING:
    from fix_attacks import Told
    from fix_personas import World

Ids = dict[str, uuid.UUID]
DIVISION, CAST = "22012", "22P02"
# What the caller may write, with an id of the caller's choice and parents of their own.
UPSERTS = {
    "learning_plans": (
        "(id, user_id, topic, skill_level, weekly_hours, learning_style) values"
        " (%s, %s, 'x', 'beginner', 1, 'mixed')",
        "users",
        "topic = t.topic",
        "t.topic = 'SQL'",
    ),
    "modules": (
        "(id, plan_id, \"order\", title, estimated_minutes) values (%s, %s, 9, 'x', 1)",
        "learning_plans",
        "title = t.title",
        "t.title = 'm'",
    ),
    "tasks": (
        "(id, module_id, \"order\", title, estimated_minutes) values (%s, %s, 9, 'x', 1)",
        "modules",
        "title = t.title",
        "t.title = 't'",
    ),
    "task_resources": (
        '(id, task_id, resource_id, "order")'
        " select %s, %s, max(id::text)::uuid, 1 from learnplan.resources",
        "spare",
        "notes = t.notes",
        "t.notes is null",
    ),
    "task_progress": (
        "(id, task_id, user_id) values (%s, %s, learnplan.current_user_id())",
        "spare",
        "status = t.status",
        "t.status = 'in_progress'",
    ),
    "plan_generations": (
        "(id, plan_id, model, prompt) values (%s, %s, 'x', '1')",
        "learning_plans",
        "model = t.model",
        "t.model = 'gpt-5'",
    ),
}


def upsert(world: World, table: str, row: uuid.UUID, own: Ids, where: str) -> Told:
    """Insert with the id of some row and ask about that row; nothing stays."""
    values, parent, change, _ = UPSERTS[table]
    with world.connection.transaction(force_rollback=True):
        return told(
            world,
            f"insert into learnplan.{table} as t {values}"
            f" on conflict (id) do update set {change} where {where}",
            row,
            own[parent],
        )


def two_trees(world: World) -> tuple[Ids, Ids]:
    """Make what Ann hides, and what Ben owns, with a task that has nothing yet."""
    hidden, own = everything(world, "ann"), everything(world, "ben")
    return hidden, own | {"spare": world.task(own["modules"], 2)}


@pytest.mark.parametrize("table", UPSERTS)
def test_conflict_shows_a_function_the_row_of_an_id(world: World, table: str) -> None:
    """Limit: WHERE of DO UPDATE is asked before the policy (threat 63)."""
    hidden, own = two_trees(world)
    with world.as_user("ben"), peeking(world.connection) as seen:
        told(world, f"select from learnplan.{table} as t where pg_temp.peek(t::text)")
        assert str(own[table]) in "".join(seen)
        assert str(hidden[table]) not in "".join(seen)
        seen.clear()
        upsert(world, table, hidden[table], own, "pg_temp.peek(t::text)")
    assert [str(hidden[table]) in row for row in seen] == [True]


@pytest.mark.parametrize("table", UPSERTS)
def test_conflict_answers_a_question_on_the_row_of_an_id(
    world: World, table: str
) -> None:
    """Limit: a plain condition asks as well as a function does (threat 63)."""
    hidden, own = two_trees(world)
    right = UPSERTS[table][3]
    with world.as_user("ben"):
        control = f"select from learnplan.{table} as t where {right} and id = %s"
        assert told(world, control, own[table]).count == 1
        yes = upsert(world, table, hidden[table], own, right)
        no = upsert(world, table, hidden[table], own, f"not ({right})")
        plain = upsert(world, table, hidden[table], own, "true")
    assert (yes.state, no.state) == (REFUSED, DONE)
    assert (plain.state, no.count) == (REFUSED, 0)


def test_conflict_shows_a_newcomer_who_had_the_address(world: World) -> None:
    """Limit: a verified address that is taken shows its row to a function (threat 36)."""
    world.user("ann")
    row, taken = str(uuid.uuid4()), "ann@example.org"
    claims = {"user_id": row, "sub": "new", "email": taken, "email_verified": True}
    insert = (
        "insert into learnplan.users as t (id, clerk_user_id, email) values (%s, 'new',"
        " %s) on conflict (email) do update set name = 'x'"
    )
    with world.as_claims(claims), peeking(world.connection) as seen:
        told(world, f"{insert} where pg_temp.peek(t::text)", row, taken)
        assert len(seen) == 1
        assert told(world, insert, row, taken).state == REFUSED
    with world.as_claims(claims | {"email_verified": False}):
        with peeking(world.connection) as seen:
            told(world, f"{insert} where pg_temp.peek(t::text)", row, taken)
        assert seen == []


@pytest.mark.parametrize("table", [*TABLES, "module_progress", "plan_progress"])
@pytest.mark.parametrize("visibility", ["private", "public"])
def test_cheap_function_is_shown_no_hidden_row(
    world: World, table: str, visibility: str
) -> None:
    """A predicate sees what the policies show, however cheap it says it is (threat 63)."""
    everything(world, "ann", visibility)
    everything(world, "ben")
    with world.as_user("ben"), peeking(world.connection) as seen:
        plain = world.connection.execute(
            f"select 'seen ' || t::text from learnplan.{table} as t".encode()
        ).fetchall()
        asked = told(
            world, f"select from learnplan.{table} as t where pg_temp.peek(t::text)"
        )
    assert (DONE, 0) == (asked.state, asked.count)
    assert sorted(row[0] for row in plain) == sorted(seen)
    everyone = world.one(f"select count(*) from learnplan.{table}")
    assert 0 < len(seen)
    assert (len(seen) < everyone) == (
        table != "resources" and (visibility == "private" or table in PRIVATE_ALWAYS)
    )


PRIVATE_ALWAYS = {"users", "task_progress", "plan_generations"}


OTHER_WAYS = (
    "select t.id from only {} as t",
    "select t.id from {} as t tablesample system (100)",
    "select t.id from {} as t where t.ctid is not null",
    "select (row_to_json(t) ->> 'id')::uuid from {} as t",
    "select (t).id from (table {}) as t",
    "select id from (select id from {} union all select id from {}) as t",
    "with t as materialized (select id from {}) select id from t",
    "with recursive t as (select id from {} union select id from t) select id from t",
    "select t.id from (values (1)) as v (i), lateral (select id from {}) as t",
    "select x.id from {} as t full join {} as x on false",
    "select id from {} group by cube (id)",
    "select unnest(array(select id from {}))",
)


@pytest.mark.parametrize("table", TABLES)
def test_other_ways_of_reading_show_no_more(world: World, table: str) -> None:
    """Whatever the shape of a query, its rows are those of the policies (threat 63)."""
    hidden, own = everything(world, "ann"), everything(world, "ben")
    for way in OTHER_WAYS:
        with world.as_user("ben"):
            said = told(world, way.replace("{}", f"learnplan.{table}"))
        found = {row[0] for row in said.rows} - {None}
        both = {own[table], hidden[table]}
        assert found == (both if table == "resources" else {own[table]}), way


@pytest.mark.parametrize("table", UPSERTS)
@pytest.mark.parametrize("command", ["update", "delete"])
def test_cheap_function_of_a_write_is_shown_no_hidden_row(
    world: World, table: str, command: str
) -> None:
    """The condition of a write sees own rows, not even public ones (threat 63)."""
    everything(world, "ann", "public")
    hidden = everything(world, "cho")
    own = everything(world, "ben")
    change = UPSERTS[table][2].replace("t.", "")
    head = {
        "update": f"update learnplan.{table} as t set {change}",
        "delete": f"delete from learnplan.{table} as t",
    }[command]
    with world.as_user("ben"), peeking(world.connection) as seen:
        assert told(world, f"{head} where pg_temp.peek(t::text)").count == 0
    assert [str(own[table]) in text for text in seen] == [True]
    assert world.exists(table, hidden[table])


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        ("1 / (length(topic) - 3) > 0", DIVISION),
        ("topic::integer > 0", CAST),
        ("topic ~ repeat('(', length(topic) - 2)", "2201B"),
    ],
)
def test_error_in_a_condition_tells_nothing_of_a_hidden_row(
    world: World, condition: str, state: str
) -> None:
    """Row security comes first: an error is about a row one may read (threat 63)."""
    everything(world, "ann")
    world.user("ben")
    query = f"select from learnplan.learning_plans where {condition}"
    with world.as_user("ann"):
        assert told(world, query).state == state
    with world.as_user("ben"):
        said = told(world, query)
    assert (DONE, 0) == (said.state, said.count)


def test_error_in_a_view_tells_nothing_of_a_hidden_row(world: World) -> None:
    """The views run as who asks, and so does what is asked of them (threat 63)."""
    tree = everything(world, "ann")
    world.user("ben")
    query = (
        "select from learnplan.plan_progress where 1 / (total_tasks - 1) > 0"
        " or plan_id = %s"
    )
    with world.as_user("ann"):
        assert told(world, query, tree["learning_plans"]).state == DIVISION
    with world.as_user("ben"):
        assert told(world, query, tree["learning_plans"]).state == DONE
    with world.as_anonymous():
        assert told(world, query, tree["learning_plans"]).state == REFUSED
