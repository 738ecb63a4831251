"""
The built-in reader against psql itself: same scripts, same outcome, same database.

Each script runs twice, in a fresh database each time. A line that ends in ``<here``
is where the error must be found; psql knows that only roughly.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import psycopg
import pytest
from psycopg import sql

from learnplan_db.errors import ScriptError
from learnplan_db.psql.flight import run
from learnplan_db.psql.script import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    class Server(Protocol):
        """What these tests need of the fixture ``server``."""

        def dsn(self, dbname: str) -> str:
            """Return the connection string of a database."""


pytestmark = pytest.mark.gate


FINE = {
    "do block": """
        do $$
        begin
          create table t (a int);
          for i in 1..3 loop insert into t values (i); end loop;
        end $$;
        """,
    "begin atomic": """
        create table t (a int);
        create function f(x int default (1)) returns int language sql
        begin atomic
          select case when x = 1 then case x when 1 then 10 end else (2) end;
          select x /* ; */ + 1 as "end;";
        end;
        create or replace procedure p() begin /* a */ atomic
          insert into t values (1); insert into t values (f(2)); end;
        call p();
        """,
    "dollar tags": """
        create table t (a text, b$c text, ž text);
        insert into t values ($$a;'$ž$$, $a$;$$;$A$;$a$, $ž$$a$ ; "$ž$);
        prepare q as insert into t values ($1, $2, $3); execute q ('$$', ';', '');
        """,
    "comments": """
        -- a comment ; ' $$
        create table t (a int); /* ; /* nested ; */ ' /*/ */ ; **/ -- more ; "
        /* before */ insert into t /* ; */ values (1 --;
          +/* ; */1), (2);;; ;
        """,
    "quotes": r"""
        create table t (a text, "b;""c" text);
        insert into t values ('it''s; \', E'it\'s; \\''\n'), (E'\x41', U&'\0441;\\');
        insert into t values ('a'
          'b;' , 'c' -- d
          ';e');
        insert into t ("b;""c") values (b'01'::text);
        """,
    "psql colons": """
        create table t (a int[], b text);
        insert into t values ('{1,2,3}'::int[], '::a'::varchar::text);
        update t set b = (a[1:2])::text || (a[2:])[1]::text;
        create function f(a int, b int) returns int return a - b;
        insert into t values (array[f(b := 1, a := 5)], ':x');
        """,
    "no final semicolon": "create table t (a int);\ninsert into t values (1)",
    "only comments": "-- nothing\n/* at all; */\n",
    "empty": "",
    "percent": """
        create table t (a text);
        insert into t select '%s %% %(a)s ' || (7 % 4) where 'abc' like 'a%';
        """,
    "carriage returns": "create table t (\r\n a text);\r\ninsert into t\r\n"
    "values ('a\r\nb'); -- c\r\ncreate function f() returns text language sql\r\n"
    "as $$\r\nselect 'x'$$;\r\n",
    "byte order mark": "\ufeffcreate table t (a int);",
    "transaction": """
        begin;
        create table t (a int);
        savepoint s;
        insert into t values (1);
        rollback to s;
        insert into t values (2);
        commit;
        """,
    "rolled back": """
        create table t (a int);
        begin; insert into t values (1); rollback;
        begin; insert into t values (2); end work;
        """,
    "left open": "create table t (a int); begin; insert into t values (1);",
    "chained": """
        create table t (a int);
        begin; insert into t values (1); commit and chain;
        insert into t values (2); rollback;
        """,
    "concurrently": """
        create table t (a int);
        create index concurrently i on t (a);
        vacuum t;
        """,
    "enum value": """
        create type e as enum ('a');
        alter type e add value 'b';
        create table t (a e default 'b');
        """,
    "rule": """
        create table t (a int); create table u (a int);
        create rule r as on insert to t do also (insert into u values (1); select 2);
        insert into t values (3);
        """,
    "the same statement often": "create table t (a int);"
    + "insert into t select count(*) from t;" * 9,
    "settings": """
        set search_path = pg_catalog;
        create table public.t (a text default current_setting('search_path'));
        insert into public.t default values;
        select 1 as a, 'two' as b; show search_path;
        """,
    "notices": "do $$ begin raise notice 'a'; raise warning 'b'; end $$;"
    "drop table if exists nothing; create table t (a int);",
    "cyrillic": "create table т (ж text); insert into т values ('ы;');",
}

WRONG = {
    "error in the middle": """
        create table t (a int);
        insert into t values (1);

        insert into t
        select
          1 / 0; -- <none
        insert into t values (2);
        """,
    "syntax error": """
        create table t (a int);
        create table u (
          a int,
          b int intt, -- <here
          c int
        );
        """,
    "syntax error at the end": "select 1;\nselect (1) as; -- <here",
    "syntax error at the end of input": "select 1;\nselect from where -- <here",
    "unknown column": """
        /* two
           lines */ select 1,
          2, nosuch -- <here
          from pg_class;
        """,
    "not ascii before": """
        create table ž (ū text); insert into ž values ('ąčę'); select 'ąčęėį',
          'šųū日本', nosuch, 'é'; -- <here
        """,
    "carriage returns": "select 1;\r\nselect\r\n  'ž',\r\n  nosuch -- <here\r\n;",
    "after a comment": "-- a\n\n-- b\n/* c */\n-- d\nselekt 1; -- <here",
    "in a do block": """
        create table t (a int primary key);

        do language 'plpgsql' $body$
        declare
          x int := 1;
        begin
          insert into t values (x);
          insert into t values (x); -- <here
        end
        $body$;
        """,
    "raised in a do block": """
        do $$ begin
          perform 1;
          raise exception 'no %', 'way' -- <here
            using errcode = 'LPOWN', detail = 'a', hint = 'b';
        end $$;
        """,
    "on the first line of a do block": "\ndo $$ begin raise 'x'; -- <here\nend $$;",
    "do block in quotes": """
        do '
        begin
          raise ''it is''; -- <here
        end' language plpgsql;
        """,
    "do block that does not compile": """
        do $$
        begin
          raise '% %', 1; -- <here
        end $$;
        """,
    "do block with a syntax error": """
        do $$
        begin
          perfrm 1; -- <here
        end $$;
        """,
    "do block in a function in a do block": """
        create function f() returns void language plpgsql as $f$
        begin
          execute 'do $$ begin raise ''deep''; end $$';
        end $f$;
        do $$
        begin

          perform f(); -- <here
        end $$;
        """,
    "do block below its language": """
        do
        language 'plpgsql'
        $$ begin
          raise 'x'; -- <here
        end $$;
        """,
    "do block with written line ends": r"""
        do language
        plpgsql E'\n\n\nbegin raise \'x\'; end';
        """,
    "do block in a function": """
        create function f() returns void language plpgsql as $f$
        begin execute 'do $$ begin raise ''deep''; end $$'; end $f$;
        select f(),
          'a longer text';
        """,
    "assertion": """
        begin;
        do $$ begin
          assert (select count(*) from pg_class) = 0, 'there are tables'; -- <here
        end $$;
        rollback;
        """,
    "unique violation": """
        create table t (a int primary key);
        insert into t values (1);
        begin;
        insert into t values (2);
        insert into t
          values (1);
        commit;
        """,
    "check violation": """
        create table t (a int, constraint t_a_min check (a > 0));
        insert into t values (1); insert into t values (0); -- <here
        """,
    "concurrently in a transaction": """
        create table t (a int);
        begin;
        create index concurrently i on t (a); -- <here
        commit;
        """,
    "after an aborted statement": "begin;\nselect 1/0; -- <here\ncommit;",
    "function body": """
        create function f() returns int language sql as $$
          select 1;
          select nosuch; -- <here
        $$;
        """,
    "division as a check": "select 1/count(*) from pg_class where false; -- <here",
    "privilege": """
        create table t (a int);
        set role pg_monitor;
        select * from t; -- <here
        """,
}

TRICKY = {"x": "a b", "q": 'it\'s "it"; \\', "n": "t", "many": "1; select ';'", "e": ""}

FILLED = {
    "values": """
        create table :n (a text, :"q" text);
        insert into :"n" values (:'x', :'q'), (:{?x}, :{?nosuch}), (:'e', ':x');
        insert into t values ($$:x$$, 'a':'x'), (E'\\':\\'' || :'q', ':''q''');
        select :many; -- :x ' ;
        """,
    "unknown": "create table t (a int);\nselect :nosuch; -- <here",
    "unknown in quotes": "select 1;\n select 2, :'nosuch'; -- <here",
    "error behind a value": "select :'q', :'q' ,\n :'q', nosuch, -- <here\n :'q';",
    "error in a value": "select 1;\nselect 1 + :x from pg_class; -- <here",
}


class Outcome(NamedTuple):
    """What became of a script: an SQLSTATE and message, and what is in the database."""

    error: tuple[str | None, str] | None
    contents: dict[str, list[tuple[str | None, ...]]]


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


@pytest.fixture
def databases(server: Server) -> Iterator[tuple[str, str]]:
    """Yield the connection strings of two fresh databases."""
    names = [f"script_{os.getpid()}_{number}" for number in (1, 2)]
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        for name in names:
            query = sql.SQL("create database {} template template0 encoding 'UTF8'")
            connection.execute(query.format(sql.Identifier(name)))
        yield server.dsn(names[0]), server.dsn(names[1])
        for name in names:
            query = sql.SQL("drop database {} with (force)")
            connection.execute(query.format(sql.Identifier(name)))


def contents(dsn: str) -> dict[str, list[tuple[str | None, ...]]]:
    """Return the rows of all tables, and the text of all functions and indexes."""
    found: dict[str, list[tuple[str | None, ...]]] = {}
    with psycopg.connect(dsn) as connection:
        for name, query in {
            "columns": "select attrelid::regclass::text, attname,"
            " atttypid::regtype::text from pg_attribute join pg_class on pg_class.oid = attrelid"
            " where relnamespace = 'public'::regnamespace",
            "functions": "select pg_get_functiondef(oid) from pg_proc"
            " where pronamespace = 'public'::regnamespace",
            "indexes": "select indexdef from pg_indexes where schemaname = 'public'",
        }.items():
            found[name] = sorted(connection.execute(query).fetchall())
        tables = "select tablename from pg_tables where schemaname = 'public'"
        for (table,) in connection.execute(tables).fetchall():
            rows = sql.SQL("select t::text from public.{} as t")
            all_rows = rows.format(sql.Identifier(table))
            found[table] = connection.execute(all_rows).fetchall()
    return found


def by_psql(psql: str, dsn: str, path: Path, variables: dict[str, str]) -> Outcome:
    """Run a script through psql and return what became of it."""
    command = [psql, "-q", "--no-psqlrc", "-At", "-v", "ON_ERROR_STOP=1"]
    command += ["-v", "VERBOSITY=verbose", "-d", dsn, "-f", str(path)]
    for name, value in variables.items():
        command += ["-v", f"{name}={value}"]
    environment = os.environ | {"PGCLIENTENCODING": "UTF8"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode in {0, 3}
    told = re.search(r"(?:ERROR|FATAL):  (\w{5}): (.*)", done.stderr.decode())
    error = (told[1], told[2].rstrip("\r")) if told else None
    assert (error is None) == (done.returncode == 0)
    return Outcome(error, contents(dsn))


def by_us(dsn: str, path: Path, variables: dict[str, str]) -> ScriptError | None:
    """Run a script through the built-in reader and return its error, if any."""
    script = read(path.read_bytes(), "x.sql", variables)
    with psycopg.connect(dsn, autocommit=True) as connection:
        try:
            run(connection, script, Heard())
        except ScriptError as error:
            return error
        finally:
            connection.execute("rollback")
    return None


def compare(
    script: str,
    psql: str,
    databases: tuple[str, str],
    path: Path,
    variables: dict[str, str] | None = None,
) -> ScriptError | None:
    """Assert that psql and the reader do the same, and return the error."""
    path.write_bytes(script.encode())
    expected = by_psql(psql, databases[0], path, variables or {})
    error = by_us(databases[1], path, variables or {})
    known = (error.sqlstate, error.message) if error else None
    assert expected == Outcome(known, contents(databases[1]))
    return error


def assert_found(script: str, error: ScriptError) -> None:
    """Assert that the error names the line marked in the script, and shows it."""
    lines = script.replace("\r", "").split("\n")
    marked = [number for number, line in enumerate(lines, 1) if "<here" in line]
    if not marked:
        pattern = r"x\.sql:(\d+), in the statement at lines \1-\d+"
        assert re.fullmatch(pattern, error.where or "")
        return
    assert f"x.sql:{marked[0]}" == error.where
    assert error.excerpt
    shown = [line for line in error.excerpt.split("\n") if not line.endswith("^")]
    assert shown[-1] == f"{marked[0]:7} | {lines[marked[0] - 1]}"
    assert len(shown) <= 3


@pytest.mark.parametrize("script", FINE.values(), ids=FINE)
def test_script_that_psql_runs_does_the_same(
    script: str, psql: str, databases: tuple[str, str], tmp_path: Path
) -> None:
    """What psql runs, the reader runs, with the same tables and rows."""
    assert compare(script, psql, databases, tmp_path / "x.sql") is None


@pytest.mark.parametrize("script", WRONG.values(), ids=WRONG)
def test_script_that_fails_in_psql_fails_the_same(
    script: str, psql: str, databases: tuple[str, str], tmp_path: Path
) -> None:
    """What fails in psql fails with its message, at the line of the cause."""
    error = compare(script, psql, databases, tmp_path / "x.sql")
    assert error is not None
    assert_found(script, error)


@pytest.mark.parametrize("script", FILLED.values(), ids=FILLED)
def test_variables_mean_what_they_mean_to_psql(
    script: str, psql: str, databases: tuple[str, str], tmp_path: Path
) -> None:
    """Variables are filled in as by psql, and errors still name the file's line."""
    error = compare(script, psql, databases, tmp_path / "x.sql", TRICKY)
    assert (error is not None) == ("<here" in script)
    if error:
        assert_found(script, error)


def test_error_shows_lines_caret_detail_and_hint(server: Server) -> None:
    """An error reads: message, place, SQLSTATE, lines with a caret, DETAIL, HINT."""
    text = "select 1;\n\n/* a */ select :'secret',\n\t'日本že\u0301',\tupperr('é')\n  from t;"
    script = read(text.encode(), "sql/deploy/x.sql", {"secret": "swordfish"})
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("create temporary table t ()")
        with pytest.raises(ScriptError) as caught:
            run(connection, script, Heard())
    assert "swordfish" in (caught.value.statement or "")
    shown = str(caught.value).split("\n")
    assert shown[:6] == [
        "function upperr(unknown) does not exist",
        "  at   sql/deploy/x.sql:4",
        "  SQLSTATE 42883",
        "      3 | /* a */ select :'secret',",
        "      4 | \t'日本že\u0301',\tupperr('é')",
        "        | \t         \t^",
    ]
    assert [line.split()[0] for line in shown[6:]] in (["HINT"], ["DETAIL", "HINT"])


def told(connection: psycopg.Connection[object], text: str) -> tuple[str, str]:
    """Run a script; return what it prints on standard output, and what it fails with."""
    printed = io.StringIO()
    streams = SimpleNamespace(out=printed.write, err=printed.write)
    try:
        run(connection, read(text.encode(), "x.sql"), streams)
    except ScriptError as error:
        return printed.getvalue(), f"{error.where}: {error.message}"
    return printed.getvalue(), ""


def test_repeated_statement_is_not_prepared(server: Server) -> None:
    """A text that comes again and again still goes by the simple protocol."""
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        assert [told(connection, "select 1") for _ in range(9)] == [("1\n", "")] * 9
        query = "select statement from pg_prepared_statements"
        assert connection.execute(query).fetchall() == []


def test_escape_string_that_goes_on_is_read_as_the_server_does(server: Server) -> None:
    """E'' continued on the next line keeps its backslashes; psql splits it wrongly."""
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        found = told(connection, "select 1, E'a'\n'b\\'c; d';\nselect 2")
    assert found == ("1|ab'c; d\n2\n", "")


def test_ended_session_is_a_script_error(server: Server) -> None:
    """A session that an administrator ends fails with address, state and a way on."""
    kill = "select pg_terminate_backend(pg_backend_pid());\nselect 1"
    connection = psycopg.connect(server.dsn("postgres"), autocommit=True)
    with pytest.raises(ScriptError) as caught:
        run(connection, read(kill.encode(), "x.sql"), Heard())
    assert (caught.value.sqlstate, caught.value.where) == ("57P01", "x.sql:1")
    assert (
        caught.value.fix == "see what became of the server, then run the command again"
    )
    assert ("", "x.sql:1: the connection to the server is lost") == told(
        connection, "select 1"
    )
    connection.close()


def test_client_encoding_is_respected(server: Server) -> None:
    """Text reaches the server whole in any client encoding, or is refused."""
    good, bad = "select 1/('é' = 'e')::int", "select\n'ž'"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("set client_encoding = latin1")
        assert ("", "x.sql:1: division by zero") == told(connection, good)
        refused = 'the client encoding "iso8859-1" has no character "ž"'
        assert ("", f"x.sql:1: {refused}") == told(connection, bad)
        connection.execute("set client_encoding = sql_ascii")
        assert ("ž\n", "") == told(connection, bad)
