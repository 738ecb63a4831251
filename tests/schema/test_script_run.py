"""
A script and our own SQL around its transaction: in one message, and step by step.

What psql makes of the same scripts is in test_script_corpus.py.
"""

from __future__ import annotations

import _thread
import os
import re
import subprocess
import threading
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.pq import Trace, TransactionStatus

from learnplan_db.errors import OwnSqlError, ScriptError
from learnplan_db.psql.flight import run
from learnplan_db.psql.script import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Connection = psycopg.Connection[Any]

    class Server(Protocol):
        """What these tests need of the fixture ``server``."""

        def dsn(self, dbname: str) -> str:
            """Return the connection string of a database."""


class Heard:
    """What a script prints."""

    def __init__(self) -> None:
        self.stdout = self.stderr = ""

    def out(self, text: str, /) -> None:
        """Take what goes to stdout."""
        self.stdout += text

    def err(self, text: str, /) -> None:
        """Take what goes to stderr."""
        self.stderr += text


WRAPPED = (
    "-- Deploy\nbegin;\ncreate table t (a int);\nselect 'ž' from t; -- ; '\ncommit"
)
# The same to psql, but only step by step.
PLAYED = "\\set n 1\n" + WRAPPED.replace("(a int)", "(a int default :n)")
ODD = WRAPPED.replace("'ž'", "statement_timestamp()")
SIDE = [b"insert into side values ('begin')"]
END = [b"insert into side values ('end')", b"select 'not to be printed'"]


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    """Yield a session in a database of its own schema, emptied afterwards."""
    with psycopg.connect(
        server.dsn("postgres"), autocommit=True, client_encoding="utf8"
    ) as found:
        found.execute("create schema run_test")
        found.execute("set search_path = run_test")
        found.execute("create table side (a text)")
        yield found
        if not found.closed:
            found.rollback()
            found.execute("set client_min_messages = warning")
            found.execute("drop schema run_test cascade")


def play(connection: Connection, text: str, **ours: list[bytes]) -> tuple[bool, Heard]:
    """Run a script and return if our SQL went into it, and what it printed."""
    heard = Heard()
    inside = run(connection, read(text.encode(), "x.sql"), heard, **ours)
    return inside, heard


def side(connection: Connection) -> list[str]:
    """Return what our own SQL has left."""
    return [row[0] for row in connection.execute("select a from side").fetchall()]


def there(connection: Connection) -> bool:
    """Tell whether the script's table is there."""
    row = connection.execute("select to_regclass('t') is not null").fetchone()
    return bool(row and row[0])


@pytest.mark.parametrize("text", [WRAPPED, PLAYED, ODD], ids=["whole", "played", "odd"])
def test_our_rows_commit_with_a_wrapped_script(
    text: str, connection: Connection
) -> None:
    """What stands behind begin and before commit is in the script's transaction."""
    inside, heard = play(connection, text, after_begin=SIDE, before_end=END)
    assert inside
    assert there(connection)
    assert side(connection) == ["begin", "end"]
    assert ("", "") == (heard.stdout, heard.stderr)


@pytest.mark.parametrize("text", [WRAPPED, PLAYED, ODD], ids=["whole", "played", "odd"])
def test_our_rows_go_with_a_script_that_fails(
    text: str, connection: Connection
) -> None:
    """A script that fails takes our rows with it, and the error has its true line."""
    text = text.replace("from t;", ",\n nosuch from t;")
    with pytest.raises(ScriptError) as caught:
        play(connection, text, after_begin=SIDE, before_end=END)
    assert connection.info.transaction_status == TransactionStatus.INERROR
    connection.rollback()
    assert (False, []) == (there(connection), side(connection))
    line = 5 + text.startswith("\\set")
    assert (f"x.sql:{line}", "42703") == (caught.value.where, caught.value.sqlstate)
    shown = (caught.value.excerpt or "").split("\n")
    assert [f"{line:7} |  nosuch from t; -- ; '", "        |  ^"] == shown[-2:]


@pytest.mark.parametrize("text", [WRAPPED, PLAYED, ODD], ids=["whole", "played", "odd"])
@pytest.mark.parametrize("phase", ["after_begin", "before_end", "after"])
def test_error_of_our_own_is_not_the_scripts(
    text: str, phase: str, connection: Connection
) -> None:
    """A statement of ours that fails is told apart, with where it stood."""
    for statement in (b"select 1/0", b"table nosuch"):
        with pytest.raises(OwnSqlError) as caught:
            play(connection, text, **{phase: [b"select 1", statement, b"select 2"]})
        connection.rollback()
        assert phase == caught.value.phase
        assert caught.value.error.sqlstate in {"22012", "42P01"}
        assert (phase == "after") == there(connection)
        connection.execute("drop table if exists t")


def test_wrapped_script_is_one_message(connection: Connection, tmp_path: Path) -> None:
    """A static wrapped script and all of ours make one round trip."""
    for text in (WRAPPED.replace("commit", "rollback"), WRAPPED):
        with (tmp_path / "trace").open("w+") as trace:
            connection.pgconn.trace(trace.fileno())
            connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
            play(
                connection,
                text,
                after_begin=SIDE,
                before_end=END,
                after=[b"reset role"],
            )
            connection.pgconn.untrace()
            trace.seek(0)
            sent = [line for line in trace if line.startswith("F")]
        assert 1 == len(sent)


@pytest.mark.parametrize(
    "text",
    [
        "create table t (a int);",
        "begin; create table t (a int); rollback; create table t (a int);",
        "begin read only; select 1; commit; create table t (a int);",
        "\\set go 0\ncreate table t (a int); begin;\n\\if :go\ncommit;\n\\endif",
        "create table t ();\n\\set ON_ERROR_STOP 0\nbegin; select 1/0; commit;",
    ],
)
def test_what_cannot_carry_rows_says_so(text: str, connection: Connection) -> None:
    """Where the script's transaction is not to be had, our rows are not run at all."""
    inside, _ = play(connection, text, after_begin=SIDE, before_end=END)
    connection.rollback()
    assert (False, True) == (inside, there(connection))
    assert side(connection) == []


@pytest.mark.parametrize(
    "text",
    [
        "\\set n 1\nbegin;\nselect 1;\n\\if 0\ncommit;\n\\endif",
        "begin;\nselect 1;\n\\q\ncommit;",
        "begin;\n\\set ON_ERROR_STOP 0\nselect 1/0;\ncommit;",
    ],
)
def test_commit_that_is_not_reached_carries_nothing(
    text: str, connection: Connection
) -> None:
    """A wrapped script that ends early, or has failed, commits none of our rows."""
    inside, _ = play(connection, text, before_end=END)
    connection.rollback()
    assert (False, []) == (inside, side(connection))


def test_what_comes_after_is_run_at_the_end(connection: Connection) -> None:
    """What is to be reset after a script is reset, however it was run."""
    for text in ("set role pg_monitor;", "begin; set role pg_monitor; commit;"):
        for start in ("", "\\set x 1\n"):
            play(connection, start + text, after=[b"reset role", b"select 1"])
            row = connection.execute("select current_user = session_user").fetchone()
            assert row == (True,)


def test_notices_are_heard_by_all(connection: Connection) -> None:
    """Notices go to the stream and to who listened before; then only to the latter."""
    known: list[str | None] = []
    connection.add_notice_handler(lambda told: known.append(told.message_primary))
    text = "begin;\ndo $$ begin raise notice 'a'; end $$;\ncommit;"
    _, heard = play(connection, text)
    connection.execute("do $$ begin raise notice 'b'; end $$")
    assert known == ["a", "b"]
    assert heard.stderr == "psql:x.sql:2: NOTICE:  a\n"


def test_notices_of_ours_are_not_told(connection: Connection) -> None:
    """Only the script's own notices are printed, each with its own line."""
    ours = [b"do $$ begin raise notice 'ours'; end $$"]
    text = (
        "begin;\ndo $$ begin raise notice 'a'; raise notice 'b'; end $$;\n"
        "select 1;\ndo $$ begin raise notice 'c'; end $$;\ncommit;"
    )
    _, heard = play(connection, text, after_begin=ours, before_end=ours, after=ours)
    lines = [line.split(": ")[0] + line[-1] for line in heard.stderr.splitlines()]
    assert lines == ["psql:x.sql:2a", "psql:x.sql:2b", "psql:x.sql:4c"]


def test_rows_are_printed_as_by_psql(connection: Connection) -> None:
    """Rows are unaligned, without header; null is nothing (sqitch runs psql so)."""
    _, heard = play(connection, "begin; select 1, null, 'a|b', true; select; rollback")
    assert heard.stdout == "1||a|b|t\n"


@pytest.mark.parametrize("start", ["", "\\set x 1\n"], ids=["whole", "played"])
def test_interrupt_cancels_the_statement(start: str, connection: Connection) -> None:
    """Ctrl-C cancels what runs in the server, and the session can be used again."""
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        play(connection, start + "begin; select pg_sleep(60); commit;")
    timer.join()
    connection.rollback()
    assert side(connection) == []


@pytest.mark.parametrize("start", ["", "\\set x 1\n"], ids=["whole", "played"])
def test_session_that_ends_is_a_script_error(start: str, server: Server) -> None:
    """A session that an administrator ends fails with the line and a way on."""
    text = start + "begin;\nselect pg_terminate_backend(pg_backend_pid());\ncommit;"
    with (
        psycopg.connect(server.dsn("postgres"), autocommit=True) as connection,
        pytest.raises(ScriptError) as caught,
    ):
        play(connection, text)
    assert "57P01" == caught.value.sqlstate
    assert f"x.sql:{2 + bool(start)}" == caught.value.where
    assert "then run the command again" in (caught.value.fix or "")


def test_refused_command_lets_nothing_run(
    connection: Connection, tmp_path: Path
) -> None:
    """A refused command, here or in a file that is included, stops all before it."""
    path = tmp_path / "x.sql"
    path.write_text("create table t (a int);\n\\ir y.sql\n")
    (tmp_path / "y.sql").write_text("select 1;\nselect 2 \\gexec\n")
    with pytest.raises(ScriptError) as caught:
        read(path.read_bytes(), "deploy/x.sql", path=path, directory=tmp_path)
    assert (2, "deploy/y.sql:2") == (caught.value.exit_code, caught.value.where)
    assert not there(connection)


def test_included_files_cannot_go_round(connection: Connection, tmp_path: Path) -> None:
    """Files that include one another end with an error, as psql's open files do."""
    path = tmp_path / "x.sql"
    path.write_text("insert into side values ('x');\n\\ir x.sql\n")
    script = read(path.read_bytes(), "x.sql", path=path, directory=tmp_path)
    with pytest.raises(ScriptError, match="Too many open files"):
        run(connection, script, Heard())
    assert len(side(connection)) > 9


def test_value_known_late_is_refused_late(connection: Connection) -> None:
    """What only a run can tell is refused where the run meets it."""
    text = "\\set off off\nselect 1;\n\\set AUTOCOMMIT :off\nselect 2;"
    with pytest.raises(ScriptError, match="AUTOCOMMIT off") as caught:
        play(connection, text)
    assert ("x.sql:3", 2) == (caught.value.where, caught.value.exit_code)


def test_data_travels_in_a_wrapped_script(connection: Connection) -> None:
    """A transaction with data for COPY in it carries our rows too."""
    text = "begin;\ncreate table t (a text);\ncopy t from stdin;\nb;\n\\.\ncommit;"
    inside, _ = play(connection, text, after_begin=SIDE, before_end=END)
    assert inside
    assert ["begin", "end"] == side(connection)
    assert [("b;",)] == connection.execute("table t").fetchall()


def test_variable_that_changes_the_course_is_refused(connection: Connection) -> None:
    """What a script may not set, nobody may set for it; ON_ERROR_STOP stays on."""
    with pytest.raises(ScriptError, match='"--set AUTOCOMMIT=off"'):
        read(b"select 1", "x.sql", {"AUTOCOMMIT": "off"})
    script = read(b"\\echo a\ntable nosuch;", "x.sql", {"ON_ERROR_STOP": "0"})
    with pytest.raises(ScriptError, match="nosuch"):
        run(connection, script, Heard())


PARTS = st.sampled_from([
    "\\set x 1\n", "\\set x 0\n", "\\set y 'it''s;'\n", "\\unset x\n", "\\set x :y\n",
    "\\if :x\n", "\\if :{?x}\n", "\\if true\n", "\\elif :x\n", "\\else\n",
    "\\endif\n", "\\endif\n", "\\echo :x :'y'\n", "select :'x', :'y';\n", "select 1",
    ", 2", ";\n", ";\n", "select 3 as x \\gset\n", "\\g\n", "\\;", "/* :x ; */",
    "-- ; :y\n", "(", ")", "$$;\\$$", "\\echo `echo $((1+1))` :SQLSTATE\n", "select 1/0;\n",
    "\\set ON_ERROR_STOP 0\n", "\\q\n", "\n", "\\r\n", "E'a\\'' ",
])  # fmt: skip


SQL = st.sampled_from([
    "select 1;\n", "select 'ž', null;\n", "do $$ begin raise notice 'n'; end $$;\n",
    "do $$ begin raise notice 'a'; raise warning 'b'; end $$; ", "select 1/0;\n",
    "selekt;\n", "savepoint a;\n", "rollback to a;\n", "select\n nosuch;\n", ";\n",
    "drop table if exists nosuch;\n", "-- ; '\n", "/* ;\n */", "set local role x;\n",
    "select 1 where false;\n", "values (1), (2);\n", "\n\n", "commit;\n", "begin;\n",
    "create temp table if not exists t (a int unique deferrable initially deferred);\n",
    "insert into t values (1);\n", "insert into t values (1) returning a;\n",
])  # fmt: skip


def by_both(psql: str, server: Server, path: Path, text: str) -> None:
    """Assert that psql and the reader print the same, and both fail or neither."""
    path.write_text(text)
    heard, failed = Heard(), False
    try:
        script = read(path.read_bytes(), "x.sql")
    except ScriptError:
        return  # refused before it runs: psql would fail half way
    command = [psql, "-d", server.dsn("postgres"), "-q", "--no-psqlrc", "-At"]
    done = subprocess.run(
        [*command, "-v", "ON_ERROR_STOP=1", "-f", "x.sql"],
        cwd=path.parent,
        capture_output=True,
        env=os.environ | {"LC_ALL": "C.UTF-8", "PGCLIENTENCODING": "UTF8"},
        text=True,
        check=False,
    )
    with psycopg.connect(
        server.dsn("postgres"), autocommit=True, client_encoding="utf8"
    ) as connection:
        try:
            run(connection, script, heard)
        except ScriptError as error:
            failed = error.message.partition("\n")[0] in done.stderr
    assert (done.stdout, done.returncode != 0) == (heard.stdout, failed)
    # psql sends neither blank lines nor those of commands: the server counts others.
    theirs, ours = (
        re.sub(r"LINE \d+: .*\n *\^", "LINE", told)
        for told in (done.stderr, heard.stderr)
    )
    assert theirs.startswith(ours)
    assert failed or theirs == ours


@given(st.lists(PARTS, max_size=12))
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_mixture_means_what_it_means_to_psql(
    psql: str, server: Server, tmp_path: Path, parts: list[str]
) -> None:
    """Branches, variables and statements in any order print what psql prints."""
    by_both(psql, server, tmp_path / "x.sql", "".join(parts))


@given(st.lists(SQL, max_size=8))
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_one_message_tells_what_psql_tells(
    psql: str, server: Server, tmp_path: Path, parts: list[str]
) -> None:
    """A wrapped script tells rows, notices with lines, and its first error, as psql."""
    text = "begin;\n" + "".join(parts) + "commit;\n"
    by_both(psql, server, tmp_path / "x.sql", text)
