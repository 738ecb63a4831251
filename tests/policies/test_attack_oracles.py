"""Attacks on what an answer tells: hidden and absent must look the same in full."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from fix_attacks import DONE, REFUSED, everything, opened, told
from fix_personas import TABLES

if TYPE_CHECKING:
    from fix_personas import World

TAKEN, NO_PARENT, CHECKED, MISSING = "23505", "23503", "23514", "23502"
ABSENT = uuid.UUID(int=1)
NO_ROW = (
    "insert into learnplan.learning_plans (id, user_id, topic, skill_level,"
    " weekly_hours, learning_style) values (%s, %s, 'x', 'beginner', %s, 'mixed')"
)
# Each names a parent, of which the caller may or may not know that it is there.
CHILDREN = {
    "insert of a module": (
        'insert into learnplan.modules (plan_id, "order", title, estimated_minutes)'
        " values (%s, -1, 'x', -1)",
        "learning_plans",
    ),
    "insert of a task": (
        'insert into learnplan.tasks (module_id, "order", title, estimated_minutes)'
        " values (%s, -1, 'x', -1)",
        "modules",
    ),
    "insert of a link": (
        'insert into learnplan.task_resources (task_id, resource_id, "order")'
        " values (%s, gen_random_uuid(), -1)",
        "tasks",
    ),
    "insert of a generation": (
        "insert into learnplan.plan_generations (plan_id, model, prompt)"
        " values (%s, 'x', '1')",
        "learning_plans",
    ),
    "insert of progress": (
        "insert into learnplan.task_progress (task_id, user_id)"
        " values (%s, learnplan.current_user_id())",
        "tasks",
    ),
    "insert of progress for others": (
        "insert into learnplan.task_progress (task_id, user_id)"
        " select %s, '00000000-0000-0000-0000-000000000002'",
        "tasks",
    ),
    "upsert of progress": (
        "insert into learnplan.task_progress (task_id, user_id)"
        " values (%s, learnplan.current_user_id()) on conflict do nothing",
        "tasks",
    ),
    "move of a module": ("update learnplan.modules set plan_id = %s", "learning_plans"),
    "move of a task": ("update learnplan.tasks set module_id = %s", "modules"),
    "new order of modules": (
        "select learnplan.reorder_modules(%s, '{00000000-0000-0000-0000-000000000001}')",
        "learning_plans",
    ),
    "new order of tasks": (
        "select learnplan.reorder_tasks(%s, '{00000000-0000-0000-0000-000000000001}')",
        "modules",
    ),
}


@pytest.mark.parametrize("attempt", CHILDREN)
def test_hidden_parent_is_refused_as_an_absent_one(world: World, attempt: str) -> None:
    """Same SQLSTATE, same words, no DETAIL, whatever else is wrong (threat 45)."""
    statement, parent = CHILDREN[attempt]
    hidden = everything(world, "ann")
    everything(world, "ben")
    with world.as_user("ben"):
        there = told(world, statement, hidden[parent])
        absent = told(world, statement, ABSENT)
    assert absent == there
    assert (there.detail, there.constraint) == (None, None)
    assert there.state == ("LPORD" if "new order" in attempt else REFUSED)
    assert world.exists(parent, hidden[parent])


def test_grant_on_a_foreign_key_would_be_an_oracle(world: World) -> None:
    """Why task_id of progress is frozen: with the grant, the key tells (threat 45)."""
    hidden, own = everything(world, "ann"), everything(world, "ben")
    move = "update learnplan.task_progress set task_id = %s"
    with world.as_user("ben"):
        there, absent = told(world, move, hidden["tasks"]), told(world, move, ABSENT)
        assert (REFUSED, there) == (there.state, absent)
    grant = "grant update (task_id) on learnplan.task_progress to authenticated"
    with opened(world, grant), world.as_user("ben"):
        assert told(world, move, hidden["tasks"]).state == DONE
        assert told(world, move, ABSENT).state == NO_PARENT
    assert world.exists("task_progress", own["task_progress"])


@pytest.mark.parametrize("hours", [1, -1], ids=["fine", "breaks a check"])
def test_plan_for_somebody_is_refused_before_it_is_read(
    world: World, hours: int
) -> None:
    """The policy comes before checks and foreign keys (threat 38)."""
    ann, ben = world.user("ann"), world.user("ben")
    with world.as_user("ben"):
        there = told(world, NO_ROW, uuid.uuid4(), ann, hours)
        absent = told(world, NO_ROW, uuid.uuid4(), ABSENT, hours)
        own = told(world, NO_ROW, uuid.uuid4(), ben, hours)
    assert (REFUSED, there) == (there.state, absent)
    assert own.state == (CHECKED if hours < 0 else DONE)


def test_newcomer_cannot_ask_for_an_address_that_is_not_verified(world: World) -> None:
    """Taken or free, an address is refused alike, unless it is one's own (threat 36)."""
    world.user("ann")
    row = str(uuid.uuid4())
    insert = (
        "insert into learnplan.users (id, clerk_user_id, email) values (%s, 'n', %s)"
    )
    taken, free = "ann@example.org", "free@example.org"
    for claims in (
        {"user_id": row, "sub": "n", "email": "n@example.org", "email_verified": True},
        {"user_id": row, "sub": "n", "email": taken, "email_verified": "true"},
        {"user_id": row, "email": taken, "email_verified": True},
        {"sub": "n", "email": taken, "email_verified": True},
    ):
        with world.as_claims(claims):
            there, absent = (
                told(world, insert, row, taken),
                told(world, insert, row, free),
            )
        assert (REFUSED, there) == (there.state, absent)
    own = {"user_id": row, "sub": "n", "email": taken, "email_verified": True}
    with world.as_claims(own):
        there = told(world, insert, row, taken)
    assert (TAKEN, None) == (there.state, there.detail)
    assert there.constraint == "users_email_key"
    with world.as_claims(own | {"email": free}):
        assert told(world, insert, row, free).state == DONE


def test_whoever_knows_an_id_can_ask_whether_it_is_taken(world: World) -> None:
    """Limit: an id is chosen by the caller, and 122 of its bits are random (threat 44)."""
    hidden, ben = everything(world, "ann")["learning_plans"], world.user("ben")
    merge = (
        "merge into learnplan.learning_plans as t using (values (%s::uuid, %s::uuid))"
        " as s (id, me) on false when not matched then insert (id, user_id, topic,"
        " skill_level, weekly_hours, learning_style)"
        " values (s.id, s.me, 'x', 'beginner', 1, 'mixed')"
    )
    with world.as_user("ben"):
        for statement, *more in ((NO_ROW, 1), (merge,)):
            said = told(world, statement, hidden, ben, *more)
            assert (TAKEN, None) == (said.state, said.detail)
            assert str(hidden) not in str(said)
        quiet = f"{NO_ROW} on conflict (id) do nothing"
        assert told(world, quiet, hidden, ben, 1).count == 0
        assert told(world, quiet, uuid.uuid4(), ben, 1).count == 1
        loud = f"{NO_ROW} on conflict (id) do update set topic = 'x'"
        assert told(world, loud, hidden, ben, 1).state == REFUSED
    assert world.one("select topic from learnplan.learning_plans") == "SQL"


BREAKS = {
    TAKEN: (
        'insert into learnplan.modules (plan_id, "order", title, estimated_minutes)'
        " select plan_id, 1, 'secret', 1 from learnplan.modules limit 1"
    ),
    CHECKED: "update learnplan.modules set estimated_minutes = -1",
    MISSING: "update learnplan.modules set title = null",
}


@pytest.mark.parametrize("state", BREAKS)
@pytest.mark.parametrize("bypass", ["nobypassrls", "bypassrls"])
def test_constraint_tells_users_no_row(world: World, state: str, bypass: str) -> None:
    """Limit: only who is above row security is told the row; never pass it on (threat 46)."""
    everything(world, "ann")
    with opened(world, f"alter role service_role {bypass}"):
        with world.as_user("ann"):
            said = told(world, BREAKS[state])
            assert (state, None) == (said.state, said.detail)
        with world.as_service():
            said = told(world, BREAKS[state])
            assert (state, bypass == "bypassrls") == (said.state, bool(said.detail))


def test_foreign_key_tells_no_key(world: World) -> None:
    """The one key that users may name freely is that of the open catalog (threat 46)."""
    own = everything(world, "ann")
    link = (
        'insert into learnplan.task_resources (task_id, resource_id, "order")'
        " values (%s, %s, 1)"
    )
    with world.as_user("ann"):
        said = told(world, link, own["tasks"], ABSENT)
        assert said.state == NO_PARENT
        assert str(ABSENT) not in str(said)
        other = world.one("select id from learnplan.resources")
        assert told(world, link, own["tasks"], other).state == TAKEN


def plan_of(world: World, query: str, *parameters: Any, analyze: bool) -> str:
    """Return what EXPLAIN shows to whoever acts now."""
    options = "(analyze, costs off, timing off)" if analyze else ""
    found = world.connection.execute(
        f"explain {options} {query}",  # type: ignore[arg-type]
        parameters or None,
    )
    return "\n".join(row[0] for row in found)


def test_explain_analyze_tells_that_an_address_is_there(world: World) -> None:
    """Limit: EXPLAIN counts hidden rows: expose it to no user (threat 60)."""
    world.user("ann")
    world.user("ben")
    world.connection.execute("set local enable_seqscan = off")
    query = "select from learnplan.users where email = %s"
    with world.as_user("ben"):
        assert told(world, query, "ann@example.org").count == 0
        there = plan_of(world, query, "ann@example.org", analyze=True)
        absent = plan_of(world, query, "nobody@example.org", analyze=True)
    assert "Rows Removed by Filter: 1" in there
    assert "Rows Removed" not in absent


def test_explain_estimates_how_many_plans_somebody_has(apart: World) -> None:
    """Limit: estimates come from all rows: expose EXPLAIN to no user (threat 61)."""
    ann, ben = apart.user("ann"), apart.user("ben")
    for _ in range(60):
        apart.plan(ann)
    apart.plan(ben)
    apart.connection.execute("analyze learnplan.learning_plans")
    query = "select id from learnplan.learning_plans where user_id = %s"
    with apart.as_user("ben"):
        assert told(apart, query, ann).count == 0
        plans = [plan_of(apart, query, user, analyze=False) for user in (ann, ben)]
    of_ann, of_ben = (max(map(int, re.findall(r"rows=(\d+)", p))) for p in plans)
    assert of_ann > 5 * of_ben


def test_statistics_are_for_nobody(apart: World) -> None:
    """pg_stats hides tables with row security; sizes are for all (threat 62)."""
    everything(apart, "ann")
    columns = "select count(*) from pg_stats where schemaname = 'learnplan' and tablename = %s"
    size = "select reltuples from pg_class where oid = %s::regclass"
    for table in TABLES:
        apart.connection.execute(f"analyze learnplan.{table}".encode())
        assert apart.one(columns, table) > 0
        for persona in (apart.as_user("ann"), apart.as_service(), apart.as_anonymous()):
            with persona:
                assert apart.one(columns, table) == 0
                assert told(apart, "select from pg_statistic").state == REFUSED
        with apart.as_user("ann"):
            assert apart.one(size, f"learnplan.{table}") == 1


def test_triggers_of_an_insert_read_no_table(world: World) -> None:
    """They run before the policy is asked, and so may tell nothing (threat 70)."""
    query = """
        select distinct p.oid::regprocedure::text, p.prosrc, p.prosecdef
        from pg_trigger as t inner join pg_proc as p on p.oid = t.tgfoid
        where not t.tgisinternal"""
    found = world.connection.execute(query.encode()).fetchall()
    assert len(found) == 3
    for name, body, definer in found:
        assert not definer, name
        words = r"\b(from (?!old|new)\w|join|select|perform|execute|raise)\b"
        assert not re.search(words, body.replace("distinct from", "")), name
