"""Attacks on what roles may do: owners, members, grants, settings, other sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fix_attacks import DONE, REFUSED, everything, opened, told
from fix_personas import TABLES

if TYPE_CHECKING:
    import psycopg

    from fix_personas import World

CLIENTS = ("anon", "authenticated", "service_role")
OURS = (*CLIENTS, "learnplan_identity", "learnplan_reader")
PLANS = "select from learnplan.learning_plans"
SCHEMAS = "('learnplan'::regnamespace, 'learnplan_private'::regnamespace)"


@pytest.mark.parametrize("table", TABLES)
def test_owner_of_the_tables_sees_nothing(world: World, table: str) -> None:
    """FORCE: the owner is asked too, and no policy is for it (threat 1)."""
    everything(world, "ann")
    make = (
        "create role learnplan_plain_owner;"
        "grant usage on schema learnplan to learnplan_plain_owner;"
        f"alter table learnplan.{table} owner to learnplan_plain_owner"
    )
    unforced = f"alter table learnplan.{table} no force row level security"
    for harm, count in (("select 1", 0), (unforced, 1)):
        with opened(world, f"{make};{harm}"):
            world.connection.execute("set local role learnplan_plain_owner")
            assert told(world, f"select from learnplan.{table}").count == count
            # Deletes nothing, and says nothing of it: deploy makes this an error.
            assert told(world, f"delete from learnplan.{table}").count == count


def test_no_role_of_ours_is_more_than_a_name(world: World) -> None:
    """None logs in, makes roles, replicates or is a member of another (threat 3)."""
    found = world.connection.execute(
        "select rolname::text from pg_roles where rolname = any(%s) and (rolsuper"
        " or rolbypassrls or rolcanlogin or rolcreaterole or rolcreatedb"
        " or rolreplication or exists (select from pg_auth_members where member = oid))",
        [list(OURS)],
    ).fetchall()
    assert found == []


@pytest.mark.parametrize("client", ["app", "service"])
def test_login_reaches_only_its_own_roles(world: World, client: str) -> None:
    """No client is, or can become, an owner or the other kind of client (threat 3)."""
    login = {"app": world.app, "service": world.service}[client]
    query = "select rolname::text from pg_roles where pg_has_role(%s, oid, 'member')"
    found = {row[0] for row in world.connection.execute(query, [login])}
    roles = {"app": {"anon", "authenticated"}, "service": {"service_role"}}
    assert found == roles[client] | {login}


def test_login_that_makes_roles_could_take_any_before_16(world: World) -> None:
    """Limit: on PostgreSQL 15 no client may have CREATEROLE (threat 3)."""
    world.connection.execute(f"alter role {world.app} createrole")
    grant = f"grant service_role to {world.app}"
    with world.as_user("ann"):
        assert told(world, grant).state == REFUSED
        world.connection.execute("reset role")
        before = world.connection.info.server_version < 160000
        assert told(world, grant).state == (DONE if before else REFUSED)


def test_one_login_for_all_can_leave_every_policy(world: World) -> None:
    """Limit: a login in both is the service after RESET ROLE: use two (threat 4)."""
    everything(world, "ann")
    everything(world, "ben")
    both = "create role learnplan_both noinherit in role authenticated, service_role"
    world.connection.execute(both)
    for login, count in (("learnplan_both", 2), (world.app, 1)):
        with world.as_user("ben"):
            world.connection.execute(f"set local session authorization {login}")
            world.connection.execute("set local role authenticated")
            assert told(world, PLANS).count == 1
            world.connection.execute("reset role")
            became = told(world, "set local role service_role").state
            assert became == (DONE if count == 2 else REFUSED)
            assert told(world, PLANS).count == count


@pytest.mark.parametrize("table", TABLES)
def test_truncate_by_hand_would_ask_no_policy(world: World, table: str) -> None:
    """Why nobody is granted TRUNCATE (threat 5)."""
    everything(world, "ann")
    world.user("ben")
    statement = f"truncate learnplan.{table} cascade"
    with world.as_user("ben"):
        assert told(world, statement).state == REFUSED
    tables = ", ".join(f"learnplan.{name}" for name in TABLES)
    with opened(world, f"grant truncate on {tables} to authenticated"):
        with world.as_user("ben"):
            assert told(world, statement).state == DONE
        assert world.one(f"select count(*) from learnplan.{table}") == 0


@pytest.mark.parametrize("table", [*TABLES, "module_progress", "plan_progress"])
def test_clients_hold_no_right_beside_rows(world: World, table: str) -> None:
    """No REFERENCES, TRIGGER, TRUNCATE or MAINTAIN: they ask no policy (threat 6)."""
    recent = world.connection.info.server_version >= 170000
    rights = ["references", "trigger", "truncate", *["maintain"] * recent]
    ask = "select has_table_privilege(%s, %s, %s)"
    for role in OURS:
        for right in rights:
            assert not world.one(ask, role, f"learnplan.{table}", right), (role, right)
    assert world.one(ask, "service_role", f"learnplan.{table}", "select")


KINDS = {
    "a relation that is no table, view or index": f"""
        select oid::regclass::text from pg_class where relnamespace in {SCHEMAS}
          and relkind not in ('r', 'v', 'i')""",
    "a publication": "select pubname::text from pg_publication",
    "a subscription": "select subname::text from pg_subscription",
    "a foreign server": "select srvname::text from pg_foreign_server",
    "an event trigger": "select evtname::text from pg_event_trigger",
    "a child of a table": "select inhrelid::regclass::text from pg_inherits as h"
    " inner join pg_class as c on c.oid = h.inhparent and c.relkind = 'r'",
    "a rule": f"""
        select rulename::text from pg_rewrite as r inner join pg_class as c
          on c.oid = r.ev_class where relnamespace in {SCHEMAS}
          and rulename <> '_RETURN'""",
    "a default privilege": "select defaclobjtype::text from pg_default_acl",
    "a setting of one of our roles": """
        select setrole::regrole::text from pg_db_role_setting as s
        inner join pg_roles as r on r.oid = s.setrole where r.rolname in
          ('anon', 'authenticated', 'service_role', 'learnplan_identity',
            'learnplan_reader')""",
    "a function of a language that is not trusted": f"""
        select p.oid::regprocedure::text from pg_proc as p
        inner join pg_language as l on l.oid = p.prolang
        where pronamespace in {SCHEMAS} and l.lanname not in ('sql', 'plpgsql')""",
    "a leakproof function": f"""
        select oid::regprocedure::text from pg_proc
        where pronamespace in {SCHEMAS} and proleakproof""",
    "a large object": "select oid::text from pg_largeobject_metadata",
}


@pytest.mark.parametrize("kind", KINDS)
def test_catalog_holds_no(tx: psycopg.Connection[Any], kind: str) -> None:
    """Nothing that copies rows past the policies, or opens a way (threats 10, 13, 16, 19, 68)."""
    assert tx.execute(KINDS[kind].encode()).fetchall() == []


def test_new_table_is_nobodys(world: World) -> None:
    """No default privilege opens what comes later; one would (threat 13)."""
    everything(world, "ann")
    make = "create table learnplan.notes as select 'secret'::text as note"
    default = (
        "alter default privileges in schema learnplan grant select on tables to"
        " authenticated"
    )
    for before, state in (("select 1", REFUSED), (default, DONE)):
        with opened(world, f"{before};{make}"):
            assert world.one("select count(*) from learnplan.notes") == 1
            with world.as_user("ann"):
                assert told(world, "select from learnplan.notes").state == state


@pytest.mark.parametrize("schema", ["learnplan", "learnplan_private", "public"])
@pytest.mark.parametrize(
    "what",
    [
        "table {}.t (i int)",
        "function {}.f() returns int language sql return 1",
        "view {}.v as select 1 as i",
        "type {}.t as (i int)",
    ],
)
def test_clients_cannot_create_in(world: World, schema: str, what: str) -> None:
    """No CREATE on any schema, so no name can be put before ours (threat 14)."""
    world.user("ann")
    statement = f"create {what.format(schema)}"
    for persona in (world.as_user("ann"), world.as_service(), world.as_anonymous()):
        with persona:
            assert told(world, statement).state == REFUSED
    with opened(world, "select 1"):
        assert told(world, statement).state == DONE


def test_do_block_is_no_more_than_its_statements(world: World) -> None:
    """DO runs as the caller, and a host may take the language away (threat 15)."""
    everything(world, "ann")
    world.user("ben")
    block = (
        "do $$ begin if exists (select from learnplan.learning_plans) then"
        " raise exception 'seen'; end if; end $$"
    )
    with world.as_user("ann"):
        assert told(world, block).message == "seen"
    with world.as_user("ben"):
        assert told(world, block).state == DONE
    revoke = "revoke usage on language plpgsql from public"
    with opened(world, revoke), world.as_user("ann"):
        assert told(world, block).state == REFUSED
        assert told(world, PLANS).count == 1
        assert told(world, "update learnplan.modules set title = 'x'").count == 1


def test_large_objects_and_channels_are_open_to_all(world: World) -> None:
    """Limit: row security covers tables; put no row elsewhere (threat 16)."""
    everything(world, "ann")
    with world.as_user("ann"):
        assert told(world, "select lo_create(0)").state == DONE
        assert told(world, "listen anything").state == DONE
        assert told(world, "notify anything, 'words'").state == DONE
        assert told(world, "select pg_advisory_xact_lock(1)").state == DONE
        assert told(world, "select lo_import('/etc/passwd')").state == REFUSED


def test_policy_without_a_role_would_open_a_table(world: World) -> None:
    """Policies add up: one too many opens all, and verify finds it (threat 17)."""
    ann, ben = everything(world, "ann"), everything(world, "ben")
    lines = (
        "select array_agg(line order by line)"
        " from learnplan_private.describe_relation('learnplan.users', 'policy') as line"
    )
    before = world.one(lines)
    extra = "create policy extra on learnplan.users using (true)"
    with opened(world, extra):
        with world.as_user("ben"):
            found = told(world, "select id from learnplan.users")
            assert {row[0] for row in found.rows} == {ann["users"], ben["users"]}
            assert told(world, "update learnplan.users set name = 'x'").count == 2
        assert len(world.one(lines)) == len(before) + 1
    with world.as_user("ben"):
        assert told(world, "update learnplan.users set name = 'x'").count == 1


def test_reader_of_all_data_is_still_asked(world: World) -> None:
    """pg_read_all_data is a grant, not a policy: a backup needs BYPASSRLS (threat 18)."""
    everything(world, "ann")
    world.connection.execute("create role learnplan_backup in role pg_read_all_data")
    for option, count in (("nobypassrls", 0), ("bypassrls", 1)):
        with opened(world, f"alter role learnplan_backup {option}"):
            world.connection.execute("set local role learnplan_backup")
            for table in TABLES:
                assert told(world, f"select from learnplan.{table}").count == count
