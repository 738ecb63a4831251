"""Targets on which a proof can work, and those on which it says why it cannot."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fix_database import ROOT
from fix_proof import faulty
from learnplan_db.cli import cli
from learnplan_db.engine import state
from learnplan_db.errors import ProofError
from learnplan_db.proof.prover import prove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from fix_database import TestServer
    from fix_proof import Clones
    from fix_servers import Pooler, Standby
    from learnplan_db.engine.progress import Progress

pytestmark = pytest.mark.gate

EVERY = "anon, authenticated, service_role"
SOME = ("--table", "functions", "--table", "module_progress")
# What an administrator may have set for a login, each of it a trap.
ODD = {
    "statement_timeout": "300ms",
    "lock_timeout": "300ms",
    "idle_in_transaction_session_timeout": "1s",
    "search_path": "host, public, pg_catalog",
    "row_security": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "timezone": "Asia/Kathmandu",
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "synchronous_commit": "remote_apply",
}


def run(*arguments: str) -> Result:
    """Run prove as at a terminal's prompt."""
    done = CliRunner().invoke(cli, ["prove", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done
    return done


def refused(dsn: str, *said: str, options: tuple[str, ...] = ()) -> None:
    """Assert that prove exits with 2, one error, where and what to do."""
    done = run(dsn, *options)
    assert 2 == done.exit_code, done.output
    for text in (*said, "  at   ", "  fix  "):
        assert text in done.stderr, done.stderr


@contextmanager
def login(
    server: TestServer, dsn: str, grants: str, settings: dict[str, str] | None = None
) -> Iterator[str]:
    """Provide the conninfo of a new login, with all that it was granted."""
    name = f"learnplan_prover_{os.getpid()}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"create role {name} login password 'secret' noinherit".encode())
        try:
            for statement in filter(None, grants.format(login=name).split(";")):
                admin.execute(statement.encode())
            for key, value in (settings or {}).items():
                shown = value if key == "search_path" else f"'{value}'"
                admin.execute(f"alter role {name} set {key} = {shown}".encode())
            yield make_conninfo(dsn, user=name, password="secret")  # noqa: S106
        finally:
            admin.execute(f"drop role {name}".encode())


def test_no_schema(database: str) -> None:
    """An empty database has nothing to prove."""
    refused(database, 'there is no schema "learnplan"', "learnplan-db deploy")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("drop table learnplan.plan_generations", '"learnplan.plan_generations" is'),
        (
            "alter table learnplan.resources drop author",
            '"learnplan.resources.author" is not there',
        ),
        ("drop view learnplan.plan_progress", '"learnplan.plan_progress" is not there'),
        (
            "drop function learnplan.reorder_tasks",
            '"learnplan.reorder_tasks()" is not there',
        ),
        ("drop schema learnplan cascade", 'there is no schema "learnplan"'),
    ],
)
def test_half_of_the_schema(proved: str, damage: str, said: str) -> None:
    """What the matrix speaks of and the database lacks is named."""
    with faulty(proved, damage) as connection:
        with pytest.raises(ProofError) as caught:
            prove(connection)
        assert said in caught.value.message
        assert "deploy" in str(caught.value.fix)
        # The caller's transaction goes on.
        connection.execute("select 1")


def test_role_is_missing(proved: str) -> None:
    """A role that a persona needs is named."""
    refused(
        proved,
        'there is no role "nobody_of_that_name"',
        "--set",
        options=("--set", "service_role=nobody_of_that_name"),
    )


def with_plan(directory: Path, change: Callable[[str], str]) -> str:
    """Make the packaged project with another plan, and return its directory."""
    for name in ("policies", "sql", "sqitch.conf", "sqitch.plan"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, directory / name)
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, directory / name)
    (plan,) = directory.rglob("sqitch.plan")
    plan.write_text(change(plan.read_text()))
    return str(directory)


def test_newer_plan(proved: str, tmp_path: Path) -> None:
    """Changes of the plan that are not deployed: what the matrix says is not yet so."""
    more = "one_more 2030-01-01T00:00:00Z P <p@example.org> # Another.\n"
    root = with_plan(tmp_path, lambda text: text.rstrip() + "\n" + more)
    refused(
        proved,
        '"one_more" of the plan is not deployed',
        "learnplan-db deploy",
        options=("-C", root),
    )


def test_older_plan(proved: str, tmp_path: Path) -> None:
    """Changes that the plan does not have: another version deployed them."""
    names = [change.name for change in state.load(ROOT).plan.changes]
    last = next(name for name in reversed(names) if names.count(name) == 1)
    root = with_plan(tmp_path, lambda text: text[: text.index(f"\n{last} ") + 1])
    refused(proved, "newer than this plan", last, options=("-C", root))


def test_registry_is_not_needed(clones: Clones, server: TestServer) -> None:
    """Where psql deployed, or the registry is another's, the catalog is enough."""
    dsn = clones.make()
    with login(server, dsn, f"grant {EVERY} to {{login}}") as conninfo:
        done = run(conninfo, *SOME)  # sqitch's schema is not for it
        assert 0 == done.exit_code, done.output
        with psycopg.connect(dsn) as admin:
            admin.execute("drop schema sqitch cascade")
        done = run(conninfo, *SOME)
        assert 0 == done.exit_code, done.output


def test_standby(standby: Standby) -> None:
    """A standby is refused, as what it is."""
    with (
        closing(psycopg.connect(standby.dsn, autocommit=True)) as connection,
        pytest.raises(ProofError, match="is a standby"),
    ):
        prove(connection)
    refused(standby.dsn, "the target is a standby")


def test_read_only(proved: str) -> None:
    """A caller's transaction that only reads is refused, and goes on."""
    with closing(psycopg.connect(proved)) as connection:
        connection.execute("set transaction read only")
        with pytest.raises(ProofError, match="the transaction cannot write"):
            prove(connection)
        connection.execute("select 1")


def test_least_login(proved: str, server: TestServer) -> None:
    """Three memberships are enough, even for a login that inherits nothing."""
    with login(server, proved, f"grant {EVERY} to {{login}}") as conninfo:
        done = run(conninfo)
        assert 0 == done.exit_code, done.output


@pytest.mark.parametrize("fewer", ["anon", "authenticated", "service_role"])
def test_missing_membership(proved: str, server: TestServer, fewer: str) -> None:
    """The error names the login and the roles that it lacks."""
    rest = ", ".join(role for role in EVERY.split(", ") if role != fewer)
    with login(server, proved, f"grant {rest} to {{login}}") as conninfo:
        name = conninfo_to_dict(conninfo)["user"]
        refused(conninfo, f'login "{name}" may not become "{fewer}"', "grant")


def test_membership_without_set(proved: str, server: TestServer) -> None:
    """Since PostgreSQL 16 a member may not always become its role."""
    with psycopg.connect(proved) as admin:
        if admin.info.server_version < 160000:
            pytest.skip("PostgreSQL 15 has no SET option")
    grants = f"grant {EVERY} to {{login}};grant anon to {{login}} with set false"
    with login(server, proved, grants) as conninfo:
        refused(conninfo, 'may not become "anon"', "grant anon to")


def test_login_with_odd_settings(clones: Clones, server: TestServer) -> None:
    """Whatever is set for a login, its proof is the same."""
    dsn = clones.make()
    with psycopg.connect(dsn) as admin:  # what a careless search path would find first
        admin.execute("create schema host")
        admin.execute("grant usage on schema host to public")
        admin.execute(
            "create function host.current_setting(text) returns text"
            " language sql as $$ select 'on' $$"
        )
        admin.execute(
            "create function host.never(uuid, uuid) returns boolean"
            " language sql as $$ select false $$"
        )
        admin.execute(
            "create operator host.= (function = host.never,"
            " leftarg = uuid, rightarg = uuid)"
        )
    with login(server, dsn, f"grant {EVERY} to {{login}}", ODD) as conninfo:
        done = run(conninfo)
        assert 0 == done.exit_code, done.output
        with closing(psycopg.connect(conninfo, autocommit=True)) as connection:
            connection.execute("set default_transaction_read_only = off")
            levels: set[str] = set()

            def look(_: Progress) -> None:
                if not levels:
                    time.sleep(1.5)  # longer than the login may be idle
                    connection.execute("select pg_sleep(0.5)")  # or may take
                row = connection.execute("show transaction_isolation").fetchone()
                levels.add(row[0] if row else "")

            assert () == prove(connection, tell=look).findings
            assert {"read committed"} == levels  # no other's transaction fails for it


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_pooler(proved: str, pgbouncer: Pooler, mode: str) -> None:
    """Through PgBouncer the proof is the same, and its session is as before."""
    dsn = pgbouncer.dsn(str(conninfo_to_dict(proved)["dbname"]))
    with psycopg.connect(pgbouncer.dsn("pgbouncer"), autocommit=True) as console:
        console.execute(f"set pool_mode = '{mode}'".encode())
        try:
            done = run(dsn, "--random", "3")
        finally:
            console.execute("set pool_mode = 'transaction'")
    assert 0 == done.exit_code, done.output
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        row = connection.execute(
            "select current_setting('role'), current_setting('statement_timeout'),"
            " coalesce(current_setting('request.jwt.claims', true), ''),"
            " (select count(*) from pg_prepared_statements)"
        ).fetchone()
        assert ("none", "0", "", 0) == row
