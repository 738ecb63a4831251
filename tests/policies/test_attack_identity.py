"""Attacks on who is asking: claims that are odd, forged, kept, lost or stolen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from fix_attacks import DONE, REFUSED, everything, opened, told
from fix_personas import HIDDEN, TABLES

if TYPE_CHECKING:
    from fix_attacks import Live
    from fix_personas import World

ANN, BEN = '{"sub": "ann"}', '{"sub": "ben"}'
SET_LOCAL = "select set_config('request.jwt.claims', %s, true)"
SET_SESSION = "select set_config('request.jwt.claims', %s, false)"
ME = "select learnplan.current_user_id()"
PLANS = "select id from learnplan.learning_plans"
NOBODY = [
    "",
    "{}",
    '{"sub": null}',
    '{"sub": ["ann"]}',
    '{"sub": {"ann": 1}}',
    '{"sub": 1}',
    '{"sub": "nobody"}',
    '{"role": "service_role"}',
]
# One harmless statement of each kind that reads no column, so that only the policies
# for the command itself are asked.
WRITES = {
    "users": "update learnplan.users set name = 'x'",
    "learning_plans": "update learnplan.learning_plans set topic = 'x'",
    "modules": "update learnplan.modules set title = 'x'",
    "tasks": "update learnplan.tasks set title = 'x'",
    "task_resources": "update learnplan.task_resources set notes = 'x'",
    "task_progress": "update learnplan.task_progress set status = 'completed'",
    "plan_generations": "update learnplan.plan_generations set model = 'x'",
}


@pytest.mark.parametrize("claims", NOBODY)
def test_nobody_cannot_select_or_change_anything(world: World, claims: str) -> None:
    """Whatever names no user is nobody, to whom nothing is public (threat 21)."""
    everything(world, "ann", "public")
    with world.as_claims(claims):
        for table in TABLES:
            assert world.attempt(f"select from learnplan.{table}").kind == HIDDEN
        for statement in WRITES.values():
            assert world.attempt(statement).kind == HIDDEN
    with world.as_user("ann"):
        for table in TABLES:
            assert world.one(f"select count(*) from learnplan.{table}") == 1
        for statement in WRITES.values():
            assert world.attempt(statement).kind == "rows"


def test_stranger_cannot_become_the_service_by_a_claim(world: World) -> None:
    """The role of a token is not the role of the database (threat 33)."""
    ann, ben = world.user("ann"), world.user("ben")
    world.plan(ann)
    claims = {"sub": "ben", "role": "service_role", "app_metadata": {"admin": True}}
    with world.as_claims(claims):
        assert world.one("select array_agg(id) from learnplan.users") == [ben]
        assert world.attempt(PLANS).kind == HIDDEN
    with world.as_service():
        assert world.attempt(PLANS).kind == "rows"


def test_the_last_of_two_equal_keys_counts(world: World) -> None:
    """A token that names two subjects is its last one: verify it alike (threat 34)."""
    world.user("ann")
    ben = world.user("ben")
    with world.as_claims('{"sub": "ann", "sub": "ben"}'):
        assert world.one(ME) == ben


@pytest.mark.parametrize("name", ["request.jwt.claim.sub", "request.jwt", "jwt.claims"])
def test_stranger_cannot_be_told_by_another_setting(world: World, name: str) -> None:
    """Only request.jwt.claims says who asks (threat 21)."""
    world.user("ann")
    with world.as_claims(""):
        world.connection.execute("select set_config(%s, %s, true)", [name, ANN])
        assert world.one(ME) is None
        world.connection.execute(SET_LOCAL, [ANN])
        assert world.one(ME) is not None


def test_whoever_can_send_sql_can_name_anybody(world: World) -> None:
    """Limit: claims are trusted as they are set; let no user send SQL (threat 25)."""
    mine = everything(world, "ann")
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(PLANS).kind == HIDDEN
        world.connection.execute(SET_LOCAL, [ANN])
        assert world.attempt(PLANS).rows == ((mine["learning_plans"],),)
        assert told(world, "set local role service_role").state == REFUSED


def test_claims_are_gone_after_a_statement_without_transaction(live: Live) -> None:
    """Set for the transaction, in autocommit: nobody at once, nothing seen (threat 27)."""
    plan = live.rows.plan(live.rows.user("ann"))
    with psycopg.connect(live.app, autocommit=True) as conn:
        conn.execute("set role authenticated")
        conn.execute(SET_LOCAL, [ANN])
        assert conn.execute(PLANS).fetchall() == []
        with conn.transaction():
            conn.execute(SET_LOCAL, [ANN])
            assert conn.execute(PLANS).fetchall() == [(plan,)]
        assert conn.execute(PLANS).fetchall() == []


@pytest.mark.parametrize(
    ("before", "after"), [("", None), (ANN, "ann")], ids=["nobody", "ann"]
)
def test_rollback_to_a_savepoint_gives_back_who_was_there(
    world: World, before: str, after: str | None
) -> None:
    """Claims set behind a savepoint go with it, never to a third one (threat 28)."""
    ids = {"ann": world.user("ann"), "ben": world.user("ben")}
    with world.as_claims(before):
        world.connection.execute("savepoint here")
        world.connection.execute(SET_LOCAL, [BEN])
        assert world.one(ME) == ids["ben"]
        world.connection.execute("rollback to here")
        assert world.one(ME) == (ids[after] if after else None)


def test_role_set_behind_a_savepoint_goes_with_it(world: World) -> None:
    """A role is given back with the savepoint, as the claims are (threat 28)."""
    world.user("ann")
    with world.as_user("ann"):
        world.connection.execute("savepoint here")
        world.connection.execute("set local role anon")
        assert told(world, PLANS).state == REFUSED
        world.connection.execute("rollback to here")
        assert world.one("select current_user::text") == "authenticated"
        assert told(world, PLANS).state == DONE


def test_login_that_takes_no_role_sees_no_more(live: Live) -> None:
    """The policies bind the login too: forgetting SET ROLE opens nothing (threat 30)."""
    mine, _ = live.rows.plan(live.rows.user("ann")), live.rows.user("ben")
    with psycopg.connect(live.app) as conn:
        assert conn.execute(PLANS).fetchall() == []
        conn.execute(SET_LOCAL, [BEN])
        assert conn.execute(PLANS).fetchall() == []
        conn.execute(SET_LOCAL, [ANN])
        assert conn.execute(PLANS).fetchall() == [(mine,)]


def test_cursor_answers_to_who_reads_it_first(world: World) -> None:
    """Limit: a cursor keeps the identity of its first fetch (threat 25)."""
    ann, ben = everything(world, "ann"), everything(world, "ben")
    with world.as_user("ann"):
        for name in ("read", "unread"):
            world.connection.execute(f"declare {name} no scroll cursor for {PLANS}")
        assert world.one("fetch 1 from read") == ann["learning_plans"]
        world.connection.execute(SET_LOCAL, [BEN])
        assert told(world, "fetch all from read").rows == ()
        assert world.one("fetch all from unread") == ben["learning_plans"]


def test_cursor_with_hold_outlives_its_reader(live: Live) -> None:
    """Limit: WITH HOLD keeps rows for the next one on the session (threat 26)."""
    plan = live.rows.plan(live.rows.user("ann"))
    with psycopg.connect(live.app) as conn:
        conn.execute(SET_LOCAL, [ANN])
        conn.execute(f"declare kept cursor with hold for {PLANS}")
        conn.commit()
        assert conn.execute(PLANS).fetchall() == []
        assert conn.execute("fetch all from kept").fetchall() == [(plan,)]
        conn.rollback()
        conn.autocommit = True
        conn.execute("discard all")
        with pytest.raises(psycopg.errors.InvalidCursorName):
            conn.execute("fetch all from kept")


def test_identity_that_were_immutable_would_serve_another(world: World) -> None:
    """STABLE, so that no plan holds an answer: IMMUTABLE did leak (threat 32)."""
    ann, ben = everything(world, "ann"), everything(world, "ben")
    functions = ("current_claims", "current_subject", "current_user_id")
    broken = "; ".join(
        f"alter function learnplan.{name}() immutable" for name in functions
    )
    for harm, expected in (("select 1", ben), (broken, ann)):
        with opened(world, harm):
            world.connection.execute("set local plan_cache_mode = force_generic_plan")
            world.connection.execute(f"prepare mine as {PLANS}")
            with world.as_user("ann"):
                assert world.one("execute mine") == ann["learning_plans"]
            with world.as_user("ben"):
                assert world.one("execute mine") == expected["learning_plans"]
            world.connection.execute("deallocate mine")


def test_every_function_that_policies_ask_is_stable(world: World) -> None:
    """No function of a policy is immutable, and so folded into a plan (threat 32)."""
    query = """
        select p.oid::regprocedure::text, p.provolatile::text from pg_proc as p
        where exists (select from pg_depend as d where d.refobjid = p.oid
          and d.refclassid = 'pg_proc'::regclass and d.classid = 'pg_policy'::regclass)
          or p.oid = 'learnplan.current_claims()'::regprocedure"""
    found = dict(world.connection.execute(query.encode()).fetchall())
    assert len(found) == 8
    assert set(found.values()) == {"s"}


@pytest.mark.parametrize("claims", [{"sub": "x" * 100_000}, {"deep": [[[[[[]]]]]]}])
def test_claims_of_any_size_name_nobody(world: World, claims: object) -> None:
    """A huge or a nested token is read, and is nobody (threat 22)."""
    world.user("ann")
    with world.as_claims(json.dumps(claims)):
        assert world.one(ME) is None
