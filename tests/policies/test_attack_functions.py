"""Attacks on functions: hijacked names, helpers asked by name, policies that recurse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_attacks import DONE, REFUSED, everything, opened, told
from fix_personas import TABLES

if TYPE_CHECKING:
    import uuid

    from fix_personas import World

OURS = "('learnplan'::regnamespace, 'learnplan_private'::regnamespace)"
# Each definer function, how a user comes to run it, and which row is named there.
DEFINERS = {
    "learnplan.current_user_id()": ("select learnplan.current_user_id()", None),
    "learnplan_private.owns_plan(uuid,uuid)": (
        'insert into learnplan.modules (plan_id, "order", title, estimated_minutes)'
        " values (%s, 9, 'x', 1)",
        "learning_plans",
    ),
    "learnplan_private.owns_module(uuid,uuid)": (
        'insert into learnplan.tasks (module_id, "order", title, estimated_minutes)'
        " values (%s, 9, 'x', 1)",
        "modules",
    ),
    "learnplan_private.owns_task(uuid,uuid)": (
        'update learnplan.task_resources set "order" = 3 where task_id = %s',
        "tasks",
    ),
    "learnplan_private.can_read_task(uuid,uuid)": (
        "insert into learnplan.task_progress (task_id, user_id)"
        " values (%s, learnplan.current_user_id()) on conflict do nothing",
        "tasks",
    ),
    "learnplan.plan_tree(uuid)": (
        "select module_id from learnplan.plan_tree(%s)",
        "learning_plans",
    ),
    "learnplan.plan_progress_of(uuid)": (
        "select plan_id from learnplan.plan_progress_of(%s)",
        "learning_plans",
    ),
    "learnplan.my_progress()": (
        "select user_id from learnplan.my_progress()",
        None,
    ),
    "learnplan.search_public_plans(text, integer)": (
        "select id from learnplan.search_public_plans('SQL') where id = %s",
        "learning_plans",
    ),
}
TYPES = ("text", "jsonb", "uuid", "bool", "int4", "timestamptz", "name", "bytea")
SPY = """
create function pg_temp.spy() returns boolean language plpgsql
as $$ begin raise exception 'hijacked as %', current_user; end $$
"""
# What a careless definer would take for its own; the rows make the caller the owner.
DECOYS = """
create table pg_temp.users as
  select '{me}'::pg_catalog.uuid as id, 'ben'::pg_catalog.text as clerk_user_id;
create table pg_temp.learning_plans as
  select '{plan}'::pg_catalog.uuid as id, '{me}'::pg_catalog.uuid as user_id,
    'public'::pg_catalog.text as visibility;
create table pg_temp.modules as
  select '{module}'::pg_catalog.uuid as id, '{plan}'::pg_catalog.uuid as plan_id;
create table pg_temp.tasks as
  select '{task}'::pg_catalog.uuid as id, '{module}'::pg_catalog.uuid as module_id;
grant all on pg_temp.users, pg_temp.learning_plans, pg_temp.modules, pg_temp.tasks
  to public;
create function pg_temp.current_setting(pg_catalog.text, pg_catalog.bool)
  returns pg_catalog.text language sql as $$ select '{{"sub": "ann"}}' $$;
create function pg_temp.current_claims()
  returns pg_catalog.jsonb language sql
  as $$ select '{{"sub": "ann"}}'::pg_catalog.jsonb $$;
"""


def hijack(world: World, target: dict[str, uuid.UUID], me: uuid.UUID) -> None:
    """Do, as whoever acts now, all that TEMPORARY and a search_path allow."""
    rows = {
        "me": me,
        "plan": target["learning_plans"],
        "module": target["modules"],
        "task": target["tasks"],
    }
    world.connection.execute(DECOYS.format(**rows).encode())
    world.connection.execute(SPY)
    for name in TYPES:
        domain = f"create domain pg_temp.{name} as pg_catalog.{name}"
        world.connection.execute(f"{domain} check (pg_temp.spy())".encode())
    path = "pg_temp, learnplan, learnplan_private, pg_catalog"
    world.connection.execute(f"set local search_path = {path}".encode())


def test_definers_are_exactly_those_attacked_here(world: World) -> None:
    """A new definer function needs its attack (threat 11)."""
    query = f"""
        select oid::regprocedure::text from pg_proc
        where prosecdef and pronamespace in {OURS}"""
    found = {row[0] for row in world.connection.execute(query.encode())}
    assert found == {name.replace(", ", ",") for name in DEFINERS}


@pytest.mark.parametrize("definer", DEFINERS)
def test_definer_cannot_be_hijacked(world: World, definer: str) -> None:
    """Neither types nor tables nor functions of pg_temp reach a definer (threat 11)."""
    statement, parent = DEFINERS[definer]
    hidden, own = everything(world, "ann"), everything(world, "ben")
    with world.as_user("ben"):
        hijack(world, hidden, own["users"])
        mine = told(world, statement, *([own[parent]] if parent else []))
        other = told(world, statement, *([hidden[parent]] if parent else []))
    assert mine.state == DONE, mine.message
    if parent is None:
        assert other.rows == ((own["users"],),)
    else:
        assert "hijacked" not in other.message
        assert other.state == REFUSED or other.count == 0
        assert world.exists(parent, hidden[parent])


@pytest.mark.parametrize(
    ("path", "hijacked"), [("''", True), ("pg_catalog, pg_temp", False)]
)
def test_empty_search_path_would_be_hijacked(
    world: World, path: str, *, hijacked: bool
) -> None:
    """Why pg_temp stands last in each: the empty path did run code (threat 11)."""
    hidden, own = everything(world, "ann"), everything(world, "ben")
    bait = f"""
        create function learnplan.bait() returns pg_catalog.text
        language plpgsql security definer set search_path = {path}
        as $$ declare claims jsonb := '1'; begin return current_user; end $$;
        alter function learnplan.bait() owner to learnplan_identity;
        grant execute on function learnplan.bait() to authenticated"""
    with opened(world, bait), world.as_user("ben"):
        hijack(world, hidden, own["users"])
        said = told(world, "select learnplan.bait()::pg_catalog.text")
    expected = "hijacked as learnplan_identity" if hijacked else ""
    assert (expected, hijacked) == (said.message, said.state != DONE)


def test_nobody_hijacks_without_temporary(world: World) -> None:
    """A host may revoke TEMPORARY from PUBLIC; all else works (threat 14)."""
    everything(world, "ann")
    database = world.one("select quote_ident(current_database())")
    spy = SPY.replace("spy", "harmless")
    with world.as_user("ann"):
        assert told(world, spy).state == DONE
    revoke = f"revoke temporary on database {database} from public"
    with opened(world, revoke), world.as_user("ann"):
        assert told(world, spy).state == REFUSED
        assert told(world, "create temporary table t (i int)").state == REFUSED
        for table in TABLES:
            assert told(world, f"select from learnplan.{table}").count == 1
        assert told(world, "update learnplan.modules set title = 'x'").count == 1


HELPER = "learnplan_private.owns_plan"
BY_NAME = {
    "call": f"select {HELPER}(gen_random_uuid(), gen_random_uuid())",
    "name": f"select '{HELPER}(uuid, uuid)'::regprocedure",
    "operator": f"create operator pg_temp.?? (leftarg = uuid, rightarg = uuid, function = {HELPER})",
    "aggregate": f"create aggregate pg_temp.a (uuid) (sfunc = {HELPER}, stype = uuid)",
    "body": "create function pg_temp.f() returns boolean language sql"
    f" return {HELPER}(gen_random_uuid(), gen_random_uuid())",
    "trigger": "create temporary table t (created_at timestamptz); create trigger g before"
    " insert on t for each row execute function learnplan_private.tg__stamp_created_at()",
    "alter": f"alter function {HELPER}(uuid, uuid) security invoker",
    "deployer": "select learnplan_private.borrow_role('learnplan_reader')",
}


@pytest.mark.parametrize("way", BY_NAME)
def test_user_cannot_name_a_helper(world: World, way: str) -> None:
    """EXECUTE for the policies, no USAGE for a name: no oracle (threat 12)."""
    own = everything(world, "ann")
    with world.as_user("ann"):
        said = told(world, BY_NAME[way])
        insert, _ = DEFINERS["learnplan_private.owns_plan(uuid,uuid)"]
        assert told(world, insert, own["learning_plans"]).state == DONE
    assert said.state == REFUSED
    assert "schema learnplan_private" in said.message


@pytest.mark.parametrize("table", TABLES)
def test_policy_that_reads_its_own_table_would_close_it(
    world: World, table: str
) -> None:
    """No policy recurses: then nobody could read the table (threat 59)."""
    everything(world, "ann")
    read = f"select from learnplan.{table}"
    with world.as_user("ann"):
        assert told(world, read).count == 1
    policy = f"alter policy {table}_select_authenticated on learnplan.{table}"
    recursive = f"{policy} using (exists (select from learnplan.{table} as other))"
    with opened(world, recursive), world.as_user("ann"):
        assert told(world, read).state == "42P17"


def test_identity_sees_one_row_even_if_its_body_were_hijacked(world: World) -> None:
    """learnplan_identity reads two columns of the caller's row alone (threat 11)."""
    ids = {name: world.user(name) for name in ("ann", "ben")}
    world.plan(ids["ben"])
    with world.as_user("ann"):
        world.connection.execute("set local session authorization default")
        world.connection.execute("set local role learnplan_identity")
        found = told(world, "select id, clerk_user_id from learnplan.users")
        assert found.rows == ((ids["ann"], "ann"),)
        assert told(world, "select email from learnplan.users").state == REFUSED
        assert told(world, "select from learnplan.learning_plans").state == REFUSED
        world.connection.execute("set local role learnplan_reader")
        columns = told(
            world, "select id, user_id, visibility from learnplan.learning_plans"
        )
        assert columns.count == 1
        assert told(world, "select created_at from learnplan.modules").state == REFUSED
        assert told(world, "select from learnplan.users").state == REFUSED


def test_reader_sees_the_progress_of_who_asks_and_no_other(world: World) -> None:
    """What the accessors run as reads three columns of the caller's rows (threat 11)."""
    own = {name: everything(world, name, "public") for name in ("ann", "ben")}
    shown = "select user_id from learnplan.task_progress"
    for name in ("ann", "ben"):
        with world.as_user(name):
            world.connection.execute("set local session authorization default")
            world.connection.execute("set local role learnplan_reader")
            assert told(world, shown).rows == ((own[name]["users"],),)
            hidden = told(world, "select id from learnplan.task_progress")
            assert hidden.state == REFUSED
            assert (
                told(world, "select from learnplan.plan_generations").state == REFUSED
            )


WORKERS = (
    "parallel_setup_cost = 0",
    "parallel_tuple_cost = 0",
    "min_parallel_table_scan_size = 0",
    "max_parallel_workers_per_gather = 2",
    "enable_indexscan = off",
    "enable_indexonlyscan = off",
    "enable_bitmapscan = off",
)
# A policy that asks the parent's may keep PostgreSQL from a parallel plan.
PARALLEL = {"users", "learning_plans", "resources", "task_progress"}


@pytest.mark.parametrize("table", TABLES)
def test_parallel_workers_give_the_same_rows(world: World, table: str) -> None:
    """What policies ask is parallel safe: a worker is who the leader is (threat 69)."""
    everything(world, "ann", "public")
    everything(world, "ben")
    query = f"select id from learnplan.{table} order by id"
    for persona in ('{"sub": "ann"}', '{"sub": "ben"}', ""):
        with world.as_claims(persona):
            serial = told(world, query)
            for setting in WORKERS:
                world.connection.execute(f"set local {setting}".encode())
            plan = world.connection.execute(f"explain {query}".encode()).fetchall()
            assert "Gather" in str(plan) or table not in PARALLEL
            assert serial == told(world, query)


def test_what_policies_ask_is_parallel_safe(world: World) -> None:
    """One unsafe function would end parallel plans on all tables (threat 69)."""
    query = f"""
        select oid::regprocedure::text from pg_proc
        where pronamespace in {OURS} and proname ~ '^(current_|owns_|can_)'
          and proparallel <> 's'"""
    assert world.connection.execute(query.encode()).fetchall() == []
