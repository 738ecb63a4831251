"""Attacks through settings, commands and sessions that every login has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fix_attacks import DONE, REFUSED, everything, told
from fix_personas import TABLES

if TYPE_CHECKING:
    from fix_attacks import Live
    from fix_personas import World

PLANS = "select from learnplan.learning_plans"


def test_new_settings_of_a_role_are_its_own_to_make(world: World) -> None:
    """Limit: a role may set defaults for itself, but not the claims (threat 19)."""
    world.user("ann")
    claims = 'alter role authenticated set request.jwt.claims = \'{"sub": "ben"}\''
    with world.as_user("ann"):
        for statement in (
            "alter role authenticated set statement_timeout = 0",
            "alter role authenticated reset statement_timeout",
        ):
            assert told(world, statement).state == DONE
        assert told(world, claims).state == REFUSED
        world.connection.execute("set local request.jwt.claims = '{}'")
        assert told(world, claims).state == REFUSED
        world.connection.execute("reset role")
        assert told(world, f"alter role {world.app} password 'x'").state == DONE
        assert told(world, f"alter role {world.service} password 'x'").state == REFUSED
        assert told(world, f"alter role {world.app} bypassrls").state == REFUSED


OUT_OF_REACH = (
    "set local session_replication_role = replica",
    "set local plpgsql.variable_conflict = use_column",
    "set local role learnplan_reader",
    "set local role learnplan_identity",
    "set local role pg_read_all_data",
    "grant service_role to authenticated",
    "grant select on learnplan.learning_plans to anon",
    "alter table learnplan.users disable row level security",
    "alter policy users_select_authenticated on learnplan.users using (true)",
    "drop policy users_select_authenticated on learnplan.users",
    "alter function learnplan.current_user_id() security invoker",
    "alter table learnplan.tasks disable trigger all",
    "create trigger t before insert on learnplan.users for each row"
    " execute function suppress_redundant_updates_trigger()",
    "create index on learnplan.learning_plans (topic)",
    "create rule r as on select to learnplan.users do instead select 1",
    "create publication p for table learnplan.users",
    "create role intruder",
    "create temporary table heir () inherits (learnplan.users)",
    "create statistics s on id, name from learnplan.users",
    "cluster learnplan.users using users_pkey",
    "copy (select 1) to '/tmp/learnplan_intruder'",
    "copy (select 1) to program 'true'",
    "select pg_read_file('postgresql.conf')",
    "select pg_create_logical_replication_slot('s', 'pgoutput')",
    "analyze learnplan.users",
)
# The server warns that it did nothing.
ONLY_WARNED = {
    "analyze learnplan.users",
    "grant select on learnplan.learning_plans to anon",
}


@pytest.mark.parametrize("statement", OUT_OF_REACH)
def test_user_cannot_reach_around(world: World, statement: str) -> None:
    """Owners, roles, settings, files: none is in a user's reach (threats 3, 6)."""
    everything(world, "ann")
    with world.as_user("ann"):
        said = told(world, statement)
        assert said.state == (DONE if statement in ONLY_WARNED else REFUSED)
        assert told(world, PLANS).count == 1
    with world.as_anonymous():
        assert told(world, PLANS).state == REFUSED


def test_row_security_that_is_switched_off_is_an_error(world: World) -> None:
    """row_security = off never shows more: it refuses (threat 2)."""
    everything(world, "ann")
    with world.as_user("ann"):
        assert told(world, PLANS).count == 1
        world.connection.execute("set local row_security = off")
        for table in TABLES:
            said = told(world, f"select from learnplan.{table}")
            assert REFUSED == said.state
            assert "row-level security" in said.message


def test_limits_of_a_user_are_the_users_to_lift(world: World) -> None:
    """Limit: put timeouts on the login and the pooler; SQL can lift them (threat 64)."""
    everything(world, "ann")
    with world.as_user("ann"):
        world.connection.execute("set local statement_timeout = '30ms'")
        assert told(world, "select pg_sleep(1)").state == "57014"
        assert told(world, "set local statement_timeout = 0").state == DONE
        assert told(world, "select pg_sleep(0.05)").state == DONE
    world.connection.execute("alter role authenticated set statement_timeout = 1")
    with world.as_user("ann"):
        assert world.one("select current_setting('statement_timeout')") == "0"


def test_sessions_of_one_login_see_and_end_each_other(live: Live) -> None:
    """Limit: pass tokens as parameters; a login for each service (threat 20)."""
    query = "select query from pg_stat_activity where pid = %s"
    service = psycopg.connect(live.service, autocommit=True)
    first, second = (psycopg.connect(live.app, autocommit=True) for _ in range(2))
    with service, first, second:
        pids = [c.info.backend_pid for c in (first, service)]
        first.execute("select 'a literal'")
        service.execute("select 'a secret'")
        shown = [second.execute(query, [pid]).fetchone() for pid in pids]
        assert shown == [("select 'a literal'",), ("<insufficient privilege>",)]
        first.execute("select %s::text", ["a parameter"])
        assert second.execute(query, pids[:1]).fetchone() == ("select $1::text",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            second.execute("select pg_terminate_backend(%s)", pids[1:])
        ended = second.execute("select pg_terminate_backend(%s)", pids[:1]).fetchone()
        assert ended == (True,)
        with pytest.raises(psycopg.OperationalError):
            first.execute("select 1")
        assert service.execute("select 1").fetchone() == (1,)


def test_login_cannot_become_another(live: Live) -> None:
    """A session is its login's to the end, whatever role it takes (threat 4)."""
    known = [str(conninfo_to_dict(dsn)["user"]) for dsn in (live.app, live.service)]
    owner = live.admin.info.user
    with psycopg.connect(live.app, autocommit=True) as conn:
        for role in ("authenticated", "anon"):
            conn.execute(f"set role {role}".encode())
            for other in (known[1], owner, "service_role", "learnplan_reader"):
                for way in ("session authorization", "role"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        conn.execute(f"set {way} {other}".encode())
            conn.execute("reset session authorization")
            conn.execute("reset role")
            found = conn.execute("select session_user::text, current_user::text")
            assert found.fetchone() == (known[0], known[0])
