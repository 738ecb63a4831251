"""
The corpus in tests/scripts, through the built-in reader and through psql itself.

Each script is named by what it shows. ``<here`` ends the line of its error, or says
that it is the line above. Both must print the same, fail the same and leave the same.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import psycopg
import pytest
from psycopg import sql

from learnplan_db.errors import ScriptError
from learnplan_db.psql.flight import run
from learnplan_db.psql.script import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    class Server(Protocol):
        """What these tests need of the fixture ``server``."""

        def dsn(self, dbname: str) -> str:
            """Return the connection string of a database."""


FOLDER = Path(__file__).parents[1] / "scripts"
SCRIPTS = sorted(FOLDER.glob("*.sql"))
VARIABLES = {"registry": "sqitch"}
MADE = {
    "carriage returns": "select 1;\r\n\\echo hi\r\n\\set x y\r\n\\echo [:x]\r\n\\if 1\r\n"
    "select 'a\r\nb';\r\n\\endif\r\ncreate table t (a text);\r\ncopy t from stdin;\r\n"
    "abc\r\n\\.\r\n\\ir inner/first.sql\r\n",
    "byte order mark": "\ufeffselect 1;\n\\echo :registry\n",
    "byte order mark and a command": "\ufeff\\echo a\nselect 1;",
    "empty": "",
    "only a command": "\\echo",
    "only blanks": "\n \t\r\n",
    "command at the end of input": "select 1 \\g",
    "data without an end": "create table t (a text);\ncopy t from stdin;\na",
    "no data": "create table t (a text);\ncopy t from stdin",
}
UNTERMINATED = {
    "quote": "select 1;\nselect 'a\n;",
    "identifier": 'select 1;\nselect "a\n;',
    "dollar quote": "select 1;\ndo $a$ begin end $$;",
    "comment": "select 1;\n/* /* */ select 2;",
    "parenthesis": "select 1;\nselect (2;",
    "if": "select 1;\n\\if 1\n",
    "no if": "select 1;\n\\endif\n",
    "command that nobody knows": "select 1;\n\\nosuch\n",
}


class Outcome(NamedTuple):
    """What was printed, the error, and what is in the database."""

    stdout: str
    stderr: str
    error: str | None
    contents: list[tuple[str, str]]


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


@pytest.fixture(scope="module")
def pair(server: Server) -> Iterator[list[str]]:
    """Yield the connection strings of two databases, one for each way."""
    names = [f"corpus_{os.getpid()}_{number}" for number in (1, 2)]
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        for name in names:
            connection.execute(f"create database {name} template template0")
        yield [server.dsn(name) for name in names]
        for name in names:
            connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def fresh(pair: list[str]) -> list[str]:
    """Empty both databases."""
    for dsn in pair:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("set client_min_messages = warning")
            connection.execute("drop schema if exists public cascade")
            connection.execute("create schema public")
    return pair


def contents(dsn: str) -> list[tuple[str, str]]:
    """Return all tables with their rows, functions and indexes."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("""
            select 'table ' || attrelid::regclass, attname || ' ' || atttypid::regtype
            from pg_attribute join pg_class c on c.oid = attrelid
            where relnamespace = 'public'::regnamespace and attnum > 0
            union all select 'function', pg_get_functiondef(oid)
            from pg_proc where pronamespace = 'public'::regnamespace
            union all select 'index', indexdef
            from pg_indexes where schemaname = 'public'
            order by 1, 2""").fetchall()
        tables = "select tablename from pg_tables where schemaname = 'public'"
        for (table,) in connection.execute(tables).fetchall():
            query = sql.SQL("select {}, t::text from public.{} as t")
            name = sql.Identifier(table)
            found += connection.execute(query.format(table, name)).fetchall()
    return found


def by_psql(psql: str, dsn: str, name: str) -> Outcome:
    """Run a script as Sqitch runs it, and return what became of it."""
    command = [psql, "--dbname", dsn, "--quiet", "--no-psqlrc", "--no-align"]
    command += ["--tuples-only", "--set", "ON_ERROR_STOP=1"]
    command += ["--set", "registry=sqitch", "--file", name]
    environment = os.environ | {"PGCLIENTENCODING": "UTF8", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, capture_output=True, env=environment, cwd=FOLDER, check=False
    )
    assert done.returncode in {0, 3}
    stdout, stderr = done.stdout.decode(), done.stderr.decode()
    error = None
    if done.returncode:  # what psql dies of is the last thing that it says
        place = r"psql:[^\n]*?:\d+: (?:ERROR:  |error: )"
        start = [match.start() for match in re.finditer(place, stderr)][-1]
        stderr, error = stderr[:start], stderr[start:]
    return Outcome(stdout, stderr, error, contents(dsn))


def by_us(
    dsn: str, data: bytes, name: str, **ours: list[bytes]
) -> tuple[Heard, ScriptError | None, bool]:
    """Run a script through the built-in reader; return what it says and its error."""
    heard, path = Heard(), FOLDER / name
    with psycopg.connect(dsn, autocommit=True, client_encoding="utf8") as connection:
        try:
            script = read(data, name, VARIABLES, path=path, directory=FOLDER)
            inside = run(connection, script, heard, **ours)
        except ScriptError as error:
            return heard, error, False
        finally:
            connection.rollback()
    return heard, None, inside


def compare(psql: str, fresh: list[str], name: str, data: bytes) -> ScriptError | None:
    """Assert that both ways do the same, and return the error."""
    expected = by_psql(psql, fresh[0], name)
    heard, error, _ = by_us(fresh[1], data, Path(name).name)
    found = Outcome(heard.stdout, heard.stderr, expected.error, contents(fresh[1]))
    assert expected == found
    assert (expected.error is None) == (error is None)
    if error and expected.error:
        told = re.match(r"psql:(.*):(\d+): (?:ERROR:  |error: )(.*)", expected.error)
        assert told
        assert error.message.partition("\n")[0] == told[3]
        known = re.match(r"(.*):(\d+)(?:, in the .*-(\d+))?$", error.where or "")
        assert known
        assert Path(told[1]).name == Path(known[1]).name
        assert int(told[2]) >= int(known[3] or known[2])
    return error


def marked(path: Path) -> list[str]:
    """Return the places that a script, or one that it includes, marks as wrong."""
    found = []
    for file in (path, FOLDER / "inner" / "failing.sql"):
        shown = file.relative_to(FOLDER)
        for number, line in enumerate(file.read_text().split("\n"), 1):
            above = "<here is the line above" in line
            if "<here" in line:
                found.append(f"{shown}:{number - above}")
    return found


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_does_what_it_does_in_psql(
    path: Path, psql: str, fresh: list[str]
) -> None:
    """Same tables and rows, same words in the same order, same error, true line."""
    error = compare(psql, fresh, path.name, path.read_bytes())
    own = [place for place in marked(path) if place.startswith(path.name)]
    assert bool(own) or path.stem == "include_that_fails" or error is None
    if error:
        assert (error.where or "").partition(",")[0] in (own or marked(path))


@pytest.mark.parametrize("text", MADE.values(), ids=MADE)
def test_text_that_no_editor_keeps_does_what_it_does_in_psql(
    text: str, psql: str, fresh: list[str], tmp_path: Path
) -> None:
    """Line ends, marks and ends of input are psql's too."""
    path = tmp_path / "x.sql"
    path.write_bytes(text.encode())
    (tmp_path / "inner").symlink_to(FOLDER / "inner")
    assert compare(psql, fresh, str(path), text.encode()) is None


@pytest.mark.parametrize("text", UNTERMINATED.values(), ids=UNTERMINATED)
def test_script_that_psql_fails_half_way_is_refused(
    text: str, psql: str, fresh: list[str], tmp_path: Path
) -> None:
    """What psql finds out at its end we say before anything has run."""
    path = tmp_path / "x.sql"
    path.write_bytes(text.encode())
    expected = by_psql(psql, fresh[0], str(path))
    assert expected.error
    heard, error, _ = by_us(fresh[1], text.encode(), "x.sql")
    assert error
    assert (2, "x.sql:2", "") == (error.exit_code, error.where, heard.stdout)
    assert expected.stdout == "1\n"
