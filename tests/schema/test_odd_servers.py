"""Servers, databases and logins with odd settings: the same catalog, or a clear error."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fix_attacks import everything
from fix_database import plain_owner
from fix_race import run, wrapped, write
from learnplan_db import acting_as
from learnplan_db.cli import cli
from learnplan_db.security import render
from learnplan_db.security.variables import Variables
from snapshots import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    from fix_attacks import Live
    from fix_database import TestServer
    from fix_servers import Pooler

ROOT = Path(__file__).parents[2]
DEPLOY = ("deploy", "--verify")
FAILED = 2  # Sqitch's exit code of whatever fails
ROLES = "anon, authenticated, service_role"
SOME = ("--table", "functions", "--table", "module_progress", "--cells-only")
# Its documents recommend the path that finds its types first.
LIKE_ORAFCE = """
create schema oracle;
grant usage on schema oracle to public;
create domain oracle.date as timestamp(0);
"""
WATCH = """
create table watched (tag text);
create function watch() returns event_trigger language plpgsql security definer as
  $$ begin insert into public.watched values (tg_tag); end $$;
create event trigger watch on ddl_command_end execute function watch();
"""
SHADOWS = """
create schema shadows;
grant usage on schema shadows to public;
create table shadows.users (id text);
create table shadows.changes (change_id text);
create domain shadows.text as pg_catalog.text check (false);
create domain shadows.uuid as pg_catalog.text check (false);
create function shadows.now() returns timestamptz language sql as $$select null::timestamptz$$;
create function shadows.format(pg_catalog.text, pg_catalog.text) returns pg_catalog.text
  language sql as $$select 'shadow'::pg_catalog.text$$;
create function shadows.no(name, name) returns boolean language sql immutable
  as 'select false';
create operator shadows.= (leftarg = name, rightarg = name, function = shadows.no);
"""
# What an administrator may have set for whoever deploys, tried together.
TOGETHER = {
    "texts": "standard_conforming_strings=off backslash_quote=off"
    " escape_string_warning=off quote_all_identifiers=on bytea_output=escape"
    " xmloption=document extra_float_digits=-15 array_nulls=off"
    " transform_null_equals=on DateStyle=SQL,DMY IntervalStyle=sql_standard"
    " TimeZone=America/St_Johns",
    "transactions": "default_transaction_read_only=on"
    " default_transaction_isolation=serializable"
    " default_transaction_deferrable=on lock_timeout=50ms"
    " synchronous_commit=remote_apply commit_delay=0",
    "names": "search_path=shadows,nowhere,public check_function_bodies=off"
    " row_security=off client_min_messages=error password_encryption=md5"
    " default_toast_compression=pglz"
    " TimeZone=Asia/Kathmandu",
    "plans": "plan_cache_mode=force_generic_plan enable_seqscan=off"
    " enable_hashjoin=off enable_sort=off jit=on work_mem=64"
    " plpgsql.extra_errors=all plpgsql.check_asserts=off"
    " plpgsql.variable_conflict=use_column constraint_exclusion=on"
    " log_statement=all geqo_threshold=2",
    "no path": "search_path=''",
}
SINCE_16 = " createrole_self_grant=set,inherit"


@dataclass(frozen=True)
class Owner:
    """A login that owns an empty database, and an administrator's session in it."""

    admin: psycopg.Connection[Any]
    name: str
    dsn: str

    def set(self, settings: str) -> None:
        """Set what the owner's next sessions begin with, and nothing else."""
        self.admin.execute(f"alter role {self.name} reset all".encode())
        for one in settings.split():
            name, _, value = one.partition("=")
            if self.admin.execute(
                "select current_setting(%s, true)", [name]
            ).fetchone() == (None,):
                continue  # of a newer major
            shown = value if name == "search_path" else f"'{value}'"
            self.admin.execute(f"alter role {self.name} set {name} = {shown}".encode())

    def run(self, *words: str) -> Result:
        """Run one of our commands on the database, as the owner."""
        command, *options = words
        done = CliRunner().invoke(cli, [command, self.dsn, *options])
        assert done.exception is None or isinstance(done.exception, SystemExit), done
        return done

    def catalog(self) -> list[str]:
        """Return the catalog, whoever owns it."""
        lines = snapshot(self.admin)
        return sorted(line.replace(self.name, "owner") for line in lines)

    def refused(self, *said: str) -> None:
        """Assert that a deploy fails with one error, and nothing of ours is there."""
        done = self.run(*DEPLOY)
        assert FAILED == done.exit_code, done.output
        for text in said:
            assert text in done.stderr, done.stderr
        assert "Traceback" not in done.output
        left = self.admin.execute(
            "select c.relname from pg_class as c join pg_namespace as n"
            " on n.oid = c.relnamespace where nspname like 'learnplan%' limit 1"
        ).fetchall()
        assert [] == left


@pytest.fixture
def owner(
    learnplan_noproc: Any,  # the roles are there
    server: TestServer,
    fresh_dsn: Callable[..., str],
) -> Iterator[Owner]:
    """Provide a login that owns an empty database, and is no superuser."""
    with (
        plain_owner(server, fresh_dsn, "nocreaterole") as (name, dsn),
        psycopg.connect(
            server.dsn(str(conninfo_to_dict(dsn)["dbname"])), autocommit=True
        ) as admin,
    ):
        admin.execute(f"grant {ROLES} to {name}".encode())
        yield Owner(admin, name, dsn)


def cycle(owner: Owner, *options: str) -> list[str]:
    """Do all that one does with a database; return the catalog as it was deployed."""
    for words in (
        DEPLOY,
        ("status",),
        ("verify",),
        ("check",),
        ("prove", *options),
        ("prove", "--read-only"),
    ):
        done = owner.run(*words)
        if words == ("prove", "--read-only"):
            assert (2, True) == (done.exit_code, "is empty" in done.stderr), done.output
        else:
            assert 0 == done.exit_code, (words, done.output[:300], done.stderr)
    found = owner.catalog()
    done = owner.run("revert", "-y")
    assert 0 == done.exit_code, done.output
    assert not owner.admin.execute("select to_regnamespace('learnplan')").fetchone()[0]  # type: ignore[index]
    return found


@pytest.fixture
def plain(owner: Owner) -> list[str]:
    """Provide the catalog that a deploy without odd settings makes."""
    if not PLAIN:  # the same for every test, and a second of work
        PLAIN.append(cycle(owner, *SOME))
    return PLAIN[0]


PLAIN: list[list[str]] = []


@pytest.mark.gate
def test_whatever_is_set_for_the_deployer(owner: Owner, plain: list[str]) -> None:
    """Deploy, status, verify, check, prove and revert work; the catalog is the same."""
    owner.admin.execute(SHADOWS)
    differ = {}
    for name, settings in TOGETHER.items():
        owner.set(settings + SINCE_16)
        found = [line for line in cycle(owner, *SOME) if "shadows" not in line]
        if found != plain:
            differ[name] = set(found) ^ set(plain)
    assert {} == differ


def test_login_whose_triggers_do_not_fire(owner: Owner, plain: list[str]) -> None:
    """It deploys as any other; as a prover it would find faults that are none."""
    owner.set("session_replication_role=replica")
    assert 0 == owner.run(*DEPLOY).exit_code
    assert plain == owner.catalog()
    done = owner.run("prove", *SOME)
    assert FAILED == done.exit_code, done.output
    assert "no trigger fires for this login" in done.stderr
    assert "reset session_replication_role" in done.stderr


@pytest.mark.long
@pytest.mark.parametrize("setting", " ".join(TOGETHER.values()).split())
def test_each_setting_alone(owner: Owner, plain: list[str], setting: str) -> None:
    """The same of each setting, with the whole proof."""
    owner.admin.execute(SHADOWS)
    owner.set(setting)
    assert plain == [line for line in cycle(owner) if "shadows" not in line]


def test_verify_sees_a_fault_without_asserts(owner: Owner) -> None:
    """With plpgsql.check_asserts off verify still fails where an object differs."""
    assert 0 == owner.run(*DEPLOY).exit_code
    for fault in (
        "comment on schema learnplan is null",
        "comment on column learnplan.learning_plans.topic is null",
        "alter function learnplan_private.describe_function(regprocedure) volatile",
    ):
        owner.admin.execute(fault.encode())
    for settings in ("", "plpgsql.check_asserts=off"):
        owner.set(settings)
        done = owner.run("verify")
        assert FAILED == done.exit_code
        for change in (
            "schema_learnplan",
            "index_learning_plans_topic_public",
            "function_describe_function",
        ):
            said = f'Verify script "sql/verify/{change}.sql" failed'
            assert said in done.output, (settings, done.output)


def test_path_before_pg_catalog(owner: Owner, plain: list[str]) -> None:
    """Where "date" would be an extension's, the catalog is the same."""
    owner.admin.execute(LIKE_ORAFCE)
    owner.set("search_path=oracle,public,pg_catalog")
    assert plain == [line for line in cycle(owner, *SOME) if "oracle" not in line]


def test_timeouts_of_a_login_do_not_end_a_deploy(
    owner: Owner, make_project: Callable[[], Path]
) -> None:
    """Statements, and the time between them, may take longer than an application's."""
    root = make_project()
    write(
        root, "deploy", "b", wrapped("select pg_sleep(0.4); create table t_b (i int);")
    )
    write(root, "verify", "b", "select pg_sleep(0.4);")
    owner.set(
        "statement_timeout=200ms idle_in_transaction_session_timeout=200ms"
        " transaction_timeout=200ms idle_session_timeout=200ms"
    )
    with (
        psycopg.connect(owner.dsn) as control,
        pytest.raises(psycopg.Error),
    ):
        control.execute("select pg_sleep(0.4)")
    for words in (("deploy", "--verify"), ("verify",), ("revert", "-y")):
        done = run("ours", root, words[0], owner.dsn, *words[1:])
        assert 0 == done.returncode, done


@pytest.mark.gate
def test_sqitch_deploys_the_same_with_old_strings(
    sqitch: str, owner: Owner, plain: list[str]
) -> None:
    """What psql sends is read alike: patterns are in dollars."""
    owner.set("standard_conforming_strings=off escape_string_warning=off")
    done = run(sqitch, ROOT, "deploy", owner.dsn)
    assert 0 == done.returncode, done
    assert 0 == owner.run("verify").exit_code
    assert plain == owner.catalog()


def test_event_triggers_of_a_host(owner: Owner, plain: list[str]) -> None:
    """One that watches is no matter; one that refuses is named, and nothing stays."""
    owner.admin.execute(WATCH)
    found = [line for line in cycle(owner, *SOME) if "watch" not in line]
    assert plain == found
    assert owner.admin.execute("select count(*) > 100 from watched").fetchone() == (
        True,
    )
    owner.admin.execute(
        "create or replace function watch() returns event_trigger language plpgsql as"
        " $$ begin if tg_tag = 'CREATE POLICY' then raise 'no policies here'; end if;"
        " end $$"
    )
    owner.refused("no policies here", "sql/deploy/policy_", "Reverting all changes")


def test_roles_are_missing_and_may_not_be_made(owner: Owner, tmp_path: Path) -> None:
    """The error says what an administrator can run, and with it the deploy works."""
    names = {"anon": "guest", "authenticated": "user", "service_role": "system"}
    tail = uuid.uuid4().hex[:8]
    variables = Variables.from_settings([f"{k}={v}_{tail}" for k, v in names.items()])
    render.export(ROOT, tmp_path / "host", variables)
    done = run("ours", tmp_path / "host", "deploy", owner.dsn)
    assert FAILED == done.returncode, done
    said = f"An administrator can run: create role guest_{tail} nologin;"
    assert said in done.stderr
    try:
        for name in names.values():
            owner.admin.execute(f"create role {name}_{tail} nologin".encode())
        done = run("ours", tmp_path / "host", "deploy", owner.dsn, "--verify")
        assert 0 == done.returncode, done
        assert 0 == run("ours", tmp_path / "host", "revert", owner.dsn, "-y").returncode
    finally:
        for name in names.values():
            owner.admin.execute(f"drop owned by {name}_{tail}".encode())
            owner.admin.execute(f"drop role {name}_{tail}".encode())


def test_no_temporary_objects(owner: Owner) -> None:
    """Verify needs TEMPORARY for the policies: each says so, and all else is verified."""
    assert 0 == owner.run(*DEPLOY).exit_code
    database = owner.admin.info.dbname
    owner.admin.execute(f"revoke temporary on database {database} from public")
    owner.admin.execute(f"revoke temporary on database {database} from {owner.name}")
    done = owner.run("verify")
    assert FAILED == done.exit_code
    assert 8 == done.output.count("not ok"), done.output
    assert "permission denied to create temporary tables" in done.stderr
    assert "grant temporary on the database" in done.stderr
    owner.admin.execute(f"grant temporary on database {database} to {owner.name}")
    assert 0 == owner.run("verify").exit_code


def test_schemas_that_an_administrator_made(owner: Owner, plain: list[str]) -> None:
    """Who may create none deploys to empty ones of its own; to no others."""
    admin, name = owner.admin, owner.name
    database = admin.info.dbname
    admin.execute(f"alter database {database} owner to current_user")
    admin.execute(f"grant temporary, connect on database {database} to {name}")
    admin.execute(
        "drop schema if exists sqitch cascade; drop extension if exists pg_trgm"
    )
    admin.execute("create extension pg_trgm schema public")
    try:
        owner.refused(
            "no permission to create the registry", "grant create on database"
        )
        admin.execute("create schema sqitch")
        owner.refused("no permission to create the registry", "alter schema")
        admin.execute(f"alter schema sqitch owner to {name}")
        owner.refused(
            'may not create schema "learnplan"', "create schema learnplan auth"
        )
        admin.execute("create schema learnplan")
        owner.refused("somebody else's", f"alter schema learnplan owner to {name}")
        admin.execute(f"alter schema learnplan owner to {name}")
        admin.execute("create type learnplan.theirs as enum ()")
        owner.refused("there, and not empty", "move what is in it")
        admin.execute("drop type learnplan.theirs")
        owner.refused('may not create schema "learnplan_private"')
        admin.execute(f"create schema learnplan_private authorization {name}")
        done = owner.run(*DEPLOY)
        assert 0 == done.exit_code, done.stderr
        assert plain == owner.catalog()
        assert 0 == owner.run("revert", "-y").exit_code
        schemas = "select count(*) from pg_namespace where nspname like 'learnplan%'"
        assert (2,) == admin.execute(schemas).fetchone()
        assert 0 == owner.run(*DEPLOY).exit_code
    finally:  # else its role could not be dropped
        admin.execute(f"alter database {database} owner to {name}")


def test_no_connection_is_left(owner: Owner) -> None:
    """The server's reason, and exit code 4."""
    owner.admin.execute(f"alter role {owner.name} connection limit 0".encode())
    owner.refused("no connection: ", "too many connections for role")
    owner.admin.execute(f"alter role {owner.name} connection limit -1".encode())
    assert 0 == owner.run("deploy", "--to-change", "schema_learnplan").exit_code


KINDS = {
    "LATIN1": "encoding 'LATIN1' locale 'C'",
    "SQL_ASCII": "encoding 'SQL_ASCII' locale 'C'",
    "ICU": "encoding 'UTF8' locale 'C' locale_provider icu icu_locale 'tr'",
    "builtin": "encoding 'UTF8' locale 'C' locale_provider builtin builtin_locale 'C.UTF-8'",
}


@pytest.mark.parametrize("kind", KINDS)
def test_databases_of_other_kinds(
    server: TestServer, owner: Owner, plain: list[str], kind: str
) -> None:
    """Other encodings and locales: the same catalog, policies and domains."""
    name = f"learnplan_kind_{uuid.uuid4().hex[:8]}"
    create = (
        f"create database {name} owner {owner.name} template template0 {KINDS[kind]}"
    )
    try:
        owner.admin.execute(create.encode())
    except (
        psycopg.errors.FeatureNotSupported,
        psycopg.errors.SyntaxError,
        psycopg.errors.InvalidParameterValue,
    ) as error:
        pytest.skip(f"this server has no such database: {error}")
    dsn = server.dsn(name, client_encoding="utf8")
    with psycopg.connect(dsn, autocommit=True) as admin:
        inside = Owner(admin, owner.name, make_conninfo(owner.dsn, dbname=name))
        assert plain == cycle(inside, *SOME)
        assert 0 == inside.run("deploy").exit_code
        row = admin.execute(
            "insert into learnplan.resources (type, title, url)"
            " values ('article', 'A Turkish I', 'https://WIKI.org/') returning domain"
        ).fetchone()
        assert ("wiki.org",) == row


PLAINLY = ("status", "log", "check", "deploy", "verify")


@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
def test_pool_modes(pgbouncer: Pooler, live: Live, mode: str) -> None:
    """An application works where there are transactions; a deploy is never run."""
    everything(live.rows, "ann")
    name = live.admin.info.dbname
    pooled = pgbouncer.dsn(name, user="learnplan_login_app")
    with psycopg.connect(pgbouncer.dsn("pgbouncer"), autocommit=True) as console:
        console.execute(f"set pool_mode = '{mode}'".encode())
        try:
            plans = "select count(*) from learnplan.learning_plans"
            seen: object = None
            try:
                with (
                    psycopg.connect(pooled, prepare_threshold=None) as connection,
                    acting_as(connection, sub="ann"),
                ):
                    seen = connection.execute(plans.encode()).fetchone()
            except psycopg.Error as error:
                seen = str(error)
            runner = CliRunner()
            told = {
                words[0]: runner.invoke(
                    cli, [words[0], pgbouncer.dsn(name), *words[1:]]
                )
                for words in (*map(str.split, PLAINLY), ("prove", *SOME))
            }
        finally:
            console.execute("set pool_mode = 'transaction'")
    codes = {command: done.exit_code for command, done in told.items()}
    whole = mode != "statement"
    works = {"status": True, "check": True, "log": whole, "prove": whole}
    assert {c: FAILED * (not works.get(c, False)) for c in codes} == codes, told
    for command in ("deploy", "verify"):
        assert "there is a connection pooler in between" in told[command].stderr
    if whole:
        assert (1,) == seen
    else:
        for said in (str(seen), told["log"].stderr, told["prove"].stderr):
            assert "transaction blocks not allowed" in said
