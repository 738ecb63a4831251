"""
A host as Supabase makes one: what docs/identity.md says of its roles and its proxies.

The deployer is no superuser, service_role has BYPASSRLS, authenticator inherits nothing,
and default privileges would give everything to everybody.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from fix_database import ROOT, TestServer
from fix_hosts import Host
from fix_servers import pooler
from learnplan_db import acting_as
from learnplan_db.engine import session, state, verification
from learnplan_db.errors import IdentityError
from learnplan_db.settings import config

if TYPE_CHECKING:
    from pathlib import Path


PLANS = "select topic from learnplan.learning_plans order by topic"
# What PostgREST sends for a request, between BEGIN and the query: docs.postgrest.org,
# references/transactions.
REQUEST = """
select set_config('role', %(role)s, true),
  set_config('request.jwt.claims', %(claims)s, true),
  set_config('request.method', 'GET', true), set_config('request.path', '/', true)"""

# As much of Supabase Auth as the trigger sees; it writes as a role of its own.
AUTH = """
create role supabase_auth_admin nologin noinherit;
create schema auth;
create table auth.users (id uuid primary key, email text, email_confirmed_at timestamptz);
grant usage on schema auth to supabase_auth_admin, supabase_postgres;
grant all on auth.users to supabase_auth_admin, supabase_postgres;"""


def asked(host: Host, role: str, claims: dict[str, Any], query: str) -> list[Any]:
    """Return what authenticator reads in a transaction as PostgREST's."""
    with psycopg.connect(host.as_login("authenticator")) as connection:
        text = json.dumps(claims | {"role": role})
        connection.execute(REQUEST, {"role": role, "claims": text})
        return connection.execute(query).fetchall()


def test_deployer_of_supabase_deploys_and_verifies(supabase: Host) -> None:
    """CREATEROLE, the database and ADMIN on the three roles are enough to deploy."""
    with session.connect(supabase.as_login("supabase_postgres")) as connection:
        who = "select rolsuper, rolbypassrls from pg_roles where rolname = current_user"
        assert connection.execute(who).fetchone() == (False, True)
        found = verification.verify(connection, state.load(config.project_root(None)))
    assert (found.failures, found.pending, found.checked > 0) == ((), (), True)


def test_default_privileges_of_supabase_open_nothing(supabase: Host) -> None:
    """What a host gives to every new table is taken back; on its own tables it stays."""
    with psycopg.connect(supabase.as_login("supabase_postgres")) as connection:
        connection.execute("create table public.theirs (id integer)")
        rights = connection.execute(
            "select has_table_privilege('anon', 'public.theirs', 'truncate'),"
            " has_table_privilege('anon', 'learnplan.users', 'select'),"
            " has_table_privilege('authenticated', 'learnplan.users', 'truncate'),"
            " has_any_column_privilege('authenticated', 'learnplan.users', 'update'),"
            " has_column_privilege('authenticated', 'learnplan.users', 'email', 'update')"
        ).fetchone()
        connection.rollback()
    assert rights == (True, False, False, True, False)


def test_authenticator_reads_what_the_claims_say(supabase: Host) -> None:
    """By sub or by user_id: the own plans, and public ones; nobody sees nothing."""
    by_sub = asked(supabase, "authenticated", {"sub": "ann"}, PLANS)
    assert by_sub == [("private ann",), ("public",)]
    claims = {"sub": "unknown", "user_id": str(supabase.ids["ann"])}
    assert by_sub == asked(supabase, "authenticated", claims, PLANS)
    assert asked(supabase, "authenticated", {"sub": "nobody"}, PLANS) == []
    with pytest.raises(errors.InsufficientPrivilege):
        asked(supabase, "anon", {}, PLANS)


def test_service_role_with_bypassrls_reads_all(supabase: Host) -> None:
    """It is for the server alone: whoever has its key reads every row."""
    everything = asked(supabase, "service_role", {}, PLANS)
    assert everything == [("private ann",), ("private ben",), ("public",)]


def test_authenticator_has_nothing_of_its_own(supabase: Host) -> None:
    """NOINHERIT: a request whose switch of role is lost reads nothing."""
    with (
        psycopg.connect(supabase.as_login("authenticator")) as connection,
        pytest.raises(errors.InsufficientPrivilege, match="schema learnplan"),
    ):
        connection.execute(PLANS)


def test_own_login_on_supabase_acts_and_its_postgres_may_not(supabase: Host) -> None:
    """The login with BYPASSRLS is for deploying; a server gets a plain one."""
    with (
        psycopg.connect(supabase.as_login("app")) as connection,
        acting_as(connection, sub="ann"),
    ):
        assert [("private ann",), ("public",)] == connection.execute(PLANS).fetchall()
    with (
        psycopg.connect(supabase.as_login("supabase_postgres")) as connection,
        pytest.raises(IdentityError, match="BYPASSRLS"),
        acting_as(connection, sub="ann"),
    ):
        connection.execute(PLANS)


def test_subject_in_the_claim_user_id_is_an_error(supabase: Host) -> None:
    """A template that puts the provider's id into user_id is told so, and no row."""
    with pytest.raises(psycopg.Error, match="is not a uuid") as caught:
        asked(supabase, "authenticated", {"sub": "ann", "user_id": "user_2abc"}, PLANS)
    assert caught.value.sqlstate == "LPCLM"


def told(host: Host, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on the host's database, as the superuser."""
    command = [sys.executable, "-m", "learnplan_db", *words, host.dsn]
    return subprocess.run(command, capture_output=True, check=False, text=True)


def trigger_of_the_page() -> str:
    """Return the block of docs/identity.md that makes users of Supabase Auth's."""
    page = (ROOT / "docs" / "identity.md").read_text()
    blocks = re.findall(r"^```sql\n(.+?)^```$", page, re.MULTILINE | re.DOTALL)
    (found,) = [text for text in blocks if "learnplan_sign_up()" in text]
    return found


def test_confirmed_user_of_supabase_auth_gets_a_row(supabase: Host) -> None:
    """The trigger waits for the address to be confirmed, and follows it."""
    subject = "8ccaa7af-909f-44e7-84cb-67cdccb56be6"
    users = "select email from learnplan.users where clerk_user_id = %s"
    change = "update auth.users set email_confirmed_at = now(), email = %s"
    with psycopg.connect(supabase.dsn) as admin:
        admin.execute(AUTH)
        admin.execute("set local role supabase_postgres")
        admin.execute(trigger_of_the_page().encode())
        admin.execute("set local role supabase_auth_admin")
        admin.execute("insert into auth.users values (%s, 'a@example.org')", [subject])
        admin.execute("set local role none")
        unconfirmed = admin.execute(users, [subject]).fetchall()
        for address in ("a@example.org", "b@example.org"):
            admin.execute("set local role supabase_auth_admin")
            admin.execute(change, [address])
            admin.execute("set local role none")
            assert admin.execute(users, [subject]).fetchall() == [(address,)]
        admin.rollback()
    assert unconfirmed == []


@pytest.mark.gate
def test_grants_of_the_guide_for_custom_schemas_are_found(supabase: Host) -> None:
    """GRANT ALL on the schema's tables gives TRUNCATE away: verify says so, drift mends."""
    truncate = "select has_table_privilege('anon', 'learnplan.users', 'truncate')"
    with psycopg.connect(supabase.dsn, autocommit=True) as admin:
        before = told(supabase, "verify")
        admin.execute("grant all on all tables in schema learnplan to anon")
        try:
            assert admin.execute(truncate).fetchone() == (True,)
            after = told(supabase, "verify")
        finally:
            admin.execute(told(supabase, "drift", "--sql").stdout)
        assert admin.execute(truncate).fetchone() == (False,)
    assert (before.returncode, after.returncode) == (0, 2)
    assert "policy_users" in after.stdout
    assert told(supabase, "verify").returncode == 0


@pytest.mark.gate
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_host_behind_a_proxy_takes_an_exported_file(
    supabase: Host, mode: str, tmp_path: Path, psql: str
) -> None:
    """
    Where the process id that a client is told is a proxy's, deploy refuses.

    So it is with every connection to Neon, and PgBouncer is such a proxy. A file of
    export is one transaction, for psql: it gets through, to the same objects.
    """
    known = conninfo_to_dict(supabase.dsn)
    server = TestServer(str(known["host"]), int(known["port"]), "postgres", None)
    login = '"supabase_postgres" ""\n'
    name = f"proxied_{mode}"
    with psycopg.connect(supabase.dsn, autocommit=True) as admin:
        admin.execute(f"create database {name} owner supabase_postgres".encode())
    with pooler(server, mode, login) as proxy:
        dsn = proxy.dsn(name, user="supabase_postgres")
        host = Host(dsn)
        refused = told(host, "deploy")
        files = ["export", "--format", "sql", "--out", str(tmp_path)]
        command = [sys.executable, "-m", "learnplan_db", *files]
        subprocess.run(command, check=True, capture_output=True)
        (file,) = [f for f in tmp_path.iterdir() if ".revert." not in f.name]
        words = [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file), dsn]
        subprocess.run(words, check=True, capture_output=True)
        assert told(host, "status", "--check").returncode == 0
        marks = {told(one, "fingerprint").stdout for one in (host, supabase)}
    assert (refused.returncode, "pooler" in refused.stderr) == (2, True)
    assert len(marks) == 1
