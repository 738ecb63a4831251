"""No revert of a guarded project loses rows that nobody agreed to lose."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from fix_guard import answered, learnplan
from fix_tools import program
from learnplan_db import errors
from learnplan_db.engine import census, runner, session, state

if TYPE_CHECKING:
    from fix_guard import Guarded

ROOT = Path(__file__).parents[2]

HIDDEN = (
    "create table app.{0} (id int primary key, note text, kind text default 'x',\n"
    "  doubled int generated always as (id * 2) stored);\n"
    "alter table app.{0} enable row level security;\n"
    "alter table app.{0} force row level security;\n"
    "grant all on app.{0} to service_role;\n"
    "create policy p on app.{0} to service_role using (true);\n"
)
BASE = (
    "create schema app;\ngrant usage on schema app to service_role;\n"
    "create domain app.code as text;\n"
    + HIDDEN.format("users")
    + HIDDEN.format('"Odd, name"')
    + HIDDEN.format("empty")
    + "alter table app.users add code app.code;\n"
    "create table app.parts (at int) partition by range (at);\n"
    "create table app.parts_1 partition of app.parts for values from (0) to (9);\n"
    "create function app.clear() returns void language sql as\n"
    "  'delete from app.parts where at > 1';\n"
    'create collation app.order_of from "C";\n'
    "alter table app.users add spelled text collate app.order_of;\n"
    "create function app.tg_one() returns trigger language plpgsql as\n"
    "  'begin delete from app.parts where at = 1; return new; end';\n"
    "create view app.seen as select id from app.users;\n"
    "create materialized view app.kept as select at from app.parts;\n"
    "create index users_note on app.users (note);\n"
    "create table app.seq (id int generated always as identity);\n"
    "create trigger one after update on app.seq\n"
    "  for each statement execute function app.tg_one();\n"
)
ROWS = (
    "insert into app.users (id, note, code, spelled)"
    " values (1, 'a', 'c', 'e'), (2, null, 'd', null), (3, null, null, null)",
    """insert into app."Odd, name" (id) values (1), (2)""",
    "insert into app.parts values (1), (2), (3), (4)",
)
USERS = ("table app.users", "3 rows")
ODD = ('table app."Odd, name"', "2 rows")
PARTS = ("table app.parts", "4 rows")
READABLE = {
    "drop table app.users cascade": [USERS],
    'drop table if exists app.nobody, app."Odd, name", APP . Users cascade': [
        ODD,
        USERS,
    ],
    "set local search_path = app;\ndrop /* all */ table users cascade": [USERS],
    "set search_path to nowhere, app;\ndrop table empty, parts cascade": [PARTS],
    "drop schema app cascade": [ODD, ("table app.parts_1", "4 rows"), USERS],
    "drop domain app.code cascade": [("column app.users.code", "2 values")],
    "alter table app.users drop note": [("column app.users.note", "1 value")],
    "alter table app.users * drop note": [("column app.users.note", "1 value")],
    "alter table only app.users\n  alter kind drop default, drop column if exists code,"
    " drop constraint users_pkey, drop column note": [
        ("column app.users.code", "2 values"),
        ("column app.users.note", "1 value"),
    ],
    "truncate app.parts, only app.empty": [("rows of table app.parts", "4 rows")],
    "delete from app.parts": [("rows of table app.parts", "4 rows")],
    "delete from app.parts as p where (p.at > 1 or false) returning at": [
        ("rows of table app.parts", "3 rows")
    ],
    "delete from app.parts where parts.at > 3": [("rows of table app.parts", "1 row")],
    "delete from app.parts p using app.seq e where e.id = p.at": [
        ("rows of table app.parts", "4 rows")
    ],
    "create temp table few as select 4 as at;\n"
    "delete from app.parts where at in (select at from few)": [
        ("rows of table app.parts", "at most 4 rows")
    ],
    "drop table app.parts_1": [("table app.parts_1", "4 rows")],
}
UNREADABLE = {
    "do $$ begin execute 'drop table app.users cascade'; end $$": [USERS],
    "do $$ begin alter table app.users drop column note; end $$": [
        ("column app.users.note", "1 value")
    ],
    "alter table app.parts rename to old;\ndrop table app.old cascade": [
        ("table app.parts_1", "4 rows")
    ],
    'alter table app.U&"users" drop note': [("column app.users.note", "1 value")],
    "\\set it parts\ndrop table app.:it cascade": [("table app.parts_1", "4 rows")],
    "drop collation app.order_of cascade": [("column app.users.spelled", "1 value")],
    "update app.seq set id = default": [("rows of table app.parts_1", "1 row")],
    "select app.clear()": [("rows of table app.parts_1", "3 rows")],
    "with gone as (delete from app.parts where at = 1 returning 1) table gone": [
        ("rows of table app.parts_1", "1 row")
    ],
    "do $$ begin truncate app.parts; insert into app.parts values (1); end $$": [
        ("table app.parts_1", "4 rows")
    ],
    "do $$ begin truncate app.parts; end $$": [("table app.parts_1", "4 rows")],
    "do $$ begin drop schema app cascade; create schema app; end $$": [
        ODD,
        ("table app.parts_1", "4 rows"),
        USERS,
    ],
}
HARMLESS = (
    "drop index app.users_note",
    "drop view app.seen",
    "drop materialized view app.kept",
    "drop function app.clear()",
    "drop policy p on app.users",
    "drop table app.empty",
    "drop table app.seq",
    "truncate app.empty",
    "delete from app.seq where id > 0",
    "alter table app.users drop column doubled",
    "alter table app.users drop column kind",
    "alter table app.empty drop column note",
    "do $$ begin drop table app.empty; alter table app.users drop doubled; end $$",
    "create temp table t as select 1; delete from pg_temp.t; drop table pg_temp.t",
    "alter table app.parts rename to renamed",
    "alter table app.seq alter id drop identity, alter id drop not null",
    "alter table app.seq alter id type bigint",
    "set local role service_role; update app.users set note = null; reset role",
    "revoke all on app.users from service_role",
    "create table app.more (i int); insert into app.more values (1); drop table app.more",
    "reset all; drop table app.empty",
    "set local standard_conforming_strings = off; drop table app.empty",
)


def fill(guarded: Guarded, revert: str) -> None:
    """Deploy two changes, put rows in, and have a third without any."""
    guarded.change("base", BASE, "drop schema app cascade;")
    guarded.change("middle", "select 2;", f"{revert};")
    guarded.change("last", "create view public.v as select 1;", "drop view public.v;")
    guarded.deploy()
    for statement in ROWS:
        guarded.admin.execute(statement.encode())
    guarded.admin.execute("refresh materialized view app.kept")


def refused(guarded: Guarded, **options: object) -> list[tuple[str, str]]:
    """Try to revert to the first change; return what would be lost."""
    with pytest.raises(errors.DataLossError) as caught:
        guarded.revert(to="base", **options)
    assert {"middle"} == {loss.change for loss in caught.value.losses}
    assert "--allow-data-loss" in str(caught.value)
    return [(loss.what, loss.words) for loss in caught.value.losses]


def rows(guarded: Guarded) -> tuple[int, ...]:
    """Count all rows."""
    tables = ("app.users", 'app."Odd, name"', "app.parts")
    return tuple(guarded.ask(f"select count(*) from {table}") for table in tables)


@pytest.mark.parametrize("revert", READABLE)
def test_what_a_script_says_is_counted_before_anything(
    guarded: Guarded, revert: str
) -> None:
    """Each statement that takes rows away: which, how many; nothing is reverted."""
    fill(guarded, revert)
    assert READABLE[revert] == refused(guarded)
    assert ["base", "middle", "last"] == guarded.deployed()
    assert (3, 2, 4) == rows(guarded)
    assert ["last", "middle"] == guarded.revert(to="base", allow_data_loss=True)


@pytest.mark.parametrize("revert", UNREADABLE)
def test_what_a_script_hides_is_found_before_it_commits(
    guarded: Guarded, revert: str
) -> None:
    """Dynamic SQL, functions, renamed tables: the script's transaction is ended."""
    fill(guarded, revert)
    assert sorted(UNREADABLE[revert]) == sorted(refused(guarded))
    assert ["base", "middle"] == guarded.deployed()
    assert (3, 2, 4) == rows(guarded)
    assert ["middle"] == guarded.revert(to="base", allow_data_loss=True)


@pytest.mark.parametrize("revert", HARMLESS)
def test_what_loses_nothing_is_reverted(guarded: Guarded, revert: str) -> None:
    """No rows, no values but defaults, nothing that can be made again: no question."""
    fill(guarded, revert)
    assert ["last", "middle"] == guarded.revert(to="base")


def small(guarded: Guarded, revert: str = "drop table t;", *, fails: str = "") -> None:
    """Plan a change that makes a table, and one after it that is harmless or fails."""
    deploy = "create table t (i int);\ninsert into t values (1), (2);"
    guarded.change("one", deploy, revert)
    guarded.change("two", fails or "select 2;")


def test_rows_that_come_while_somebody_is_asked_stay(guarded: Guarded) -> None:
    """What was empty when it was counted is asked again under the script's lock."""
    guarded.change("one", "create table t (i int);", "drop table t;")
    guarded.deploy()

    def slowly(*_: object) -> bool:
        guarded.admin.execute("insert into t values (1), (2)")
        return True

    with pytest.raises(errors.DataLossError, match=r"table public\.t, 2 rows"):
        guarded.revert(confirm=slowly)
    assert (["one"], 2) == (guarded.deployed(), guarded.ask("select count(*) from t"))
    guarded.admin.execute("delete from t")
    assert ["one"] == guarded.revert()


@pytest.mark.parametrize(
    "revert",
    ["drop table t;", "do $$ begin execute 'drop table t'; end $$;", "\\i x.sql"],
)
def test_script_that_is_no_transaction_cannot_be_watched(
    guarded: Guarded, revert: str
) -> None:
    """It is refused before anything, if it may lose something, whatever there is."""
    guarded.change("one", "create table t (i int);", f"-- bare\n{revert}")
    guarded.change("two", "select 2;")
    guarded.deploy()
    with pytest.raises(errors.DataLossError, match="not one transaction") as caught:
        guarded.revert()
    assert "sql/revert/one.sql" == caught.value.where
    assert ["one", "two"] == guarded.deployed()


def test_script_that_is_no_transaction_and_loses_nothing_runs(guarded: Guarded) -> None:
    """Such as one that drops an index without locking its table."""
    revert = "-- bare\ndrop index concurrently if exists t_i;\nanalyze t;"
    small(guarded)
    guarded.change("three", "create index t_i on t (i);", revert)
    guarded.deploy()
    assert ["three", "two"] == guarded.revert(to="one")


def test_psql_is_not_watched_either(guarded: Guarded, psql: str) -> None:
    """--client psql runs scripts in a session of its own; a warning says it."""
    guarded.change("one", "create table t (i int);", "drop table t;")
    guarded.deploy()
    argv = ["-C", str(guarded.root), "revert", guarded.dsn, "--client", psql, "-y"]
    done = learnplan(argv)
    assert (2, True) == (done.returncode, "in another session" in done.stderr), done
    assert ["one"] == guarded.deployed()
    done = learnplan([*argv, "--allow-data-loss"])
    assert 0 == done.returncode, done
    assert "warning: learnplan.guard does not hold with --client psql" in done.stderr
    assert [] == guarded.deployed()


def test_failed_deploy_takes_its_own_rows_back(guarded: Guarded) -> None:
    """What this run's scripts wrote is nobody's, in whichever change."""
    small(guarded, fails="insert into t values (3);")
    guarded.change("three", "select 1 / 0;")
    with pytest.raises(errors.ScriptError):
        guarded.deploy()
    assert ([], None) == (guarded.deployed(), guarded.ask("select to_regclass('t')"))


@pytest.mark.parametrize(
    "revert",
    [
        "drop table t;",
        "do $$ begin execute 'drop table t'; end $$;",
        "alter table t drop i;",
        "delete from t where i > 0;",
        "truncate t;",
    ],
)
def test_failed_deploy_keeps_what_others_wrote(guarded: Guarded, revert: str) -> None:
    """It stops where somebody else's rows would go, and says so."""
    small(guarded, revert, fails="select 1 / 0;")
    with session.connect(guarded.dsn) as connection:

        def tell(step: object) -> None:
            guarded.told.append(step)  # type: ignore[arg-type]
            if ("one", "ok") == (step.label, step.state):  # type: ignore[attr-defined]
                guarded.admin.execute("insert into t values (3)")

        with pytest.raises(errors.ScriptError):
            runner.deploy(connection, state.load(guarded.root), tell=tell)
    assert (["one"], 3) == (guarded.deployed(), guarded.ask("select count(*) from t"))
    failed = [step.error for step in guarded.told if step.action == "failed"]
    assert "could not be reverted and stays deployed" in str(failed[-1])
    assert "1 row" in str(failed[-1]) or "1 value" in str(failed[-1])


def test_verify_that_fails_takes_its_own_rows_back(guarded: Guarded) -> None:
    """As a deploy script that fails."""
    guarded.change(
        "one", "create table t (i int);\ninsert into t values (1);", "drop table t;"
    )
    (guarded.root / "sql" / "verify" / "one.sql").write_text("select 1 / 0;")
    with pytest.raises(errors.VerifyError):
        guarded.deploy(verify=True)
    assert ([], None) == (guarded.deployed(), guarded.ask("select to_regclass('t')"))


@pytest.mark.parametrize("mode", ["all", "change"])
def test_verify_that_fails_keeps_what_others_wrote(guarded: Guarded, mode: str) -> None:
    """The change stays deployed, and so does what is under it; both are said."""
    guarded.change("zero", "create table t (i int);", "drop table t;")
    guarded.change("one", "-- bare\ninsert into t values (1);", "delete from t;")
    guarded.change("two", "select 2;", "do $$ begin truncate t; end $$;")
    (guarded.root / "sql" / "verify" / "two.sql").write_text("select 1 / 0;")
    with pytest.raises(errors.VerifyError, match="and stays deployed") as caught:
        guarded.deploy(verify=True, mode=mode)
    assert "1 row" in str(caught.value)
    assert "--allow-data-loss" in str(caught.value)
    assert ["zero", "one", "two"] == guarded.deployed()
    assert 1 == guarded.ask("select count(*) from t")


def test_what_a_session_deleted_before_is_not_the_scripts(guarded: Guarded) -> None:
    """The server's counts of deleted rows are of one transaction alone."""
    small(guarded)
    guarded.deploy()
    with session.connect(guarded.dsn) as connection:
        connection.execute("delete from t")
        project = state.load(guarded.root)
        assert ("two",) == runner.revert(connection, project, to="one")


def test_somebodys_project_reverts_as_sqitch_does(guarded: Guarded) -> None:
    """Without learnplan.guard nobody asks about rows."""
    small(guarded)
    guarded.deploy()
    guarded.unguard()
    assert ["two", "one"] == guarded.revert()


def test_log_only_loses_nothing(guarded: Guarded) -> None:
    """No script runs, so nobody asks."""
    small(guarded)
    guarded.deploy()
    assert ["two", "one"] == guarded.revert(log_only=True)


def test_many_rows_are_not_all_counted(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table is locked no longer than it takes to count so many."""
    monkeypatch.setattr(census, "LIMIT", 1)
    small(guarded)
    guarded.deploy()
    with pytest.raises(
        errors.DataLossError, match=r"table public\.t, more than 1 rows"
    ):
        guarded.revert()


def test_count_that_takes_too_long_is_given_up(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody can count counts as lost."""
    monkeypatch.setattr(census, "PATIENCE", "50ms")
    small(guarded, "delete from t where pg_sleep(0.1) is not null;")
    guarded.deploy()
    with pytest.raises(errors.DataLossError, match="at most 2 rows"):
        guarded.revert()


def test_table_of_another_owner_cannot_be_counted(guarded: Guarded) -> None:
    """The owner of a schema may drop what it may not read: refused all the same."""
    small(guarded)
    guarded.deploy()
    guarded.admin.execute("alter table t owner to current_user")
    with pytest.raises(errors.DataLossError, match="an unknown number of rows"):
        guarded.revert()


def test_locked_table_is_waited_for_and_its_holder_named(guarded: Guarded) -> None:
    """Nothing is reverted while an application keeps a table from being counted."""
    small(guarded)
    guarded.deploy()
    with psycopg.connect(guarded.dsn, application_name="the app") as app:
        app.execute("lock table t")
        with pytest.raises(errors.DataLossError, match="cannot be counted") as caught:
            guarded.revert(lock_timeout=0.2)
    assert "the app" in (caught.value.fix or "")
    assert ["one", "two"] == guarded.deployed()


def test_counting_waits_for_nobody_who_writes_where_rows_are_not_hidden(
    guarded: Guarded,
) -> None:
    """Nor does anybody wait for it: no lock is taken but that of a reader."""
    small(guarded)
    guarded.deploy()
    with psycopg.connect(guarded.dsn) as app:
        app.execute("insert into t values (3)")
        with pytest.raises(errors.DataLossError, match=r"table public\.t, 2 rows"):
            guarded.revert(lock_timeout=0)


def test_command_line_says_what_would_be_lost_and_what_is(
    guarded: Guarded, creator: None
) -> None:
    """The packaged plan: exit 2 and the numbers; -y is no answer; then by the option."""
    guarded.package(ROOT)
    guarded.deploy()
    guarded.admin.execute(
        "insert into learnplan.users (clerk_user_id, email)"
        " values ('a', 'a@x.org'), ('b', 'b@x.org')"
    )
    common = ["-C", str(guarded.root), "revert", guarded.dsn]
    done = learnplan([*common, "-y", "--json"])
    told = json.loads(done.stderr)  # the error alone
    assert (2, "error") == (done.returncode, told["type"])
    assert told["message"].endswith("\n  - table_users: table learnplan.users, 2 rows")
    lost = {
        "change": "table_users",
        "object": "table learnplan.users",
        "rows": 2,
        "text": "2 rows",
    }
    assert [lost] == json.loads(done.stdout)["would_lose"]
    assert len(state.load(guarded.root).plan.changes) == len(guarded.deployed())
    code, text = answered([*common, "--allow-data-loss"], "n\n")
    loses = 'warning: reverting "table_users" loses table learnplan.users, 2 rows\n'
    assert (1, True) == (code, 0 <= text.find(loses) < text.find("Revert all changes"))
    done = learnplan([*common, "-y", "--json", "--allow-data-loss"])
    assert (0, [lost]) == (done.returncode, json.loads(done.stdout)["lost"])
    assert [] == guarded.deployed()


def test_rebase_and_checkout_ask_too(guarded: Guarded) -> None:
    """Both revert first, and both take the option."""
    small(guarded)

    def git(*words: str) -> None:
        subprocess.run(
            [program("git"), "-c", "user.name=a", "-c", "user.email=a@x.org", *words],
            cwd=guarded.root,
            check=True,
            capture_output=True,
        )

    (guarded.root / "sql" / "deploy" / "base.sql").write_text("select 1;")
    (guarded.root / "sql" / "revert" / "base.sql").write_text("select 1;")
    plan = guarded.root / "sql" / "sqitch.plan"
    whole = plan.read_text()
    line = next(line for line in whole.split("\n") if line.startswith("one "))
    plan.write_text(whole.replace(line, f"{line.replace('one', 'base', 1)}\n{line}"))
    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "main")
    git("checkout", "-b", "other")
    plan.write_text(plan.read_text().partition("one ")[0])
    git("commit", "-am", "other")
    git("checkout", "main")
    guarded.deploy()
    for words in (["rebase", "--onto", "base"], ["checkout", "other"]):
        argv = [
            "-C",
            str(guarded.root),
            *words[:1],
            "-t",
            guarded.dsn,
            *words[1:],
            "-y",
        ]
        done = learnplan(argv)
        assert (2, True) == (
            done.returncode,
            "table public.t, 2 rows" in done.stderr,
        ), done
        assert ["base", "one", "two"] == guarded.deployed()
        done = learnplan([*argv, "--allow-data-loss"])
        assert 0 == done.returncode, done
    assert ["base"] == guarded.deployed()
