"""
Two directories and two databases: what a tool did to one beside what sqitch did.

A pair has the same project with the same target name, so that messages are equal too.
"""

from __future__ import annotations

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from warm import warm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warm import Done, Warm

WHO = {"SQITCH_FULLNAME": "Dee Ba", "SQITCH_EMAIL": "dee@example.org"}
ROWS = {  # all but times, in the order in which they were written
    "releases": "select version, installer_name, installer_email"
    " from {registry}.releases order by version",
    "projects": "select project, uri, creator_name, creator_email"
    " from {registry}.projects order by created_at",
    "changes": "select change_id, script_hash, change, project, note, committer_name,"
    " committer_email, planned_at, planner_name, planner_email"
    " from {registry}.changes order by committed_at",
    "tags": "select tag_id, tag, project, change_id, note, committer_name,"
    " committer_email, planned_at, planner_name, planner_email"
    # Sqitch adds several new tags by one statement, in no order that means something.
    " from {registry}.tags order by change_id, tag",
    "dependencies": "select change_id, type, dependency, dependency_id"
    " from {registry}.dependencies order by change_id, dependency",
    "events": "select event, change_id, change, project, note, requires, conflicts,"
    " tags, committer_name, committer_email, planned_at, planner_name, planner_email"
    " from {registry}.events order by committed_at",
}
# Sqitch orders everything by time: equal or inverted times corrupt its state.
INVERTED = (
    "select 'change', min(change) from {registry}.changes group by project, committed_at"
    " having count(*) > 1 union all select 'tag', tag from {registry}.tags as t"
    " inner join {registry}.changes as c using (change_id)"
    " where t.committed_at <= c.committed_at union all select 'event', e.change"
    " from {registry}.events as e inner join {registry}.changes as c using (change_id)"
    " where event = 'deploy' and e.committed_at = (select max(committed_at)"
    " from {registry}.events as l where l.change_id = e.change_id)"
    " and e.committed_at <= c.committed_at"
)
SHAPE = (  # the registry's own columns, constraints, indexes and comments
    "select 'column', c.relname, a.attname, format_type(atttypid, atttypmod),"
    " attnotnull::text, pg_get_expr(adbin, adrelid), col_description(c.oid, attnum),"
    " attnum from pg_class as c inner join pg_attribute as a on a.attrelid = c.oid"
    " left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum"
    " where relnamespace = {schema}::regnamespace and relkind = 'r' and attnum > 0"
    " and not attisdropped union all select 'constraint', conrelid::regclass::text,"
    " conname, pg_get_constraintdef(oid), null, null, null, 0 from pg_constraint"
    " where connamespace = {schema}::regnamespace union all select 'index', tablename,"
    " indexname, indexdef, null, null, null, 0 from pg_indexes"
    " where schemaname = {name} union all select 'table', relname, relkind::text,"
    " obj_description(oid, 'pg_class'), null, null, null, 0 from pg_class"
    " where relnamespace = {schema}::regnamespace union all select 'schema', '', '',"
    " obj_description({schema}::regnamespace, 'pg_namespace'), null, null, null, 0"
    " order by 1, 2, 3"
)
CATALOG = (
    "select c.oid::regclass::text, relkind::text, obj_description(c.oid, 'pg_class'),"
    " array(select attname::text from pg_attribute as a where a.attrelid = c.oid"
    " and attnum > 0 and not attisdropped order by attnum)"
    " from pg_class as c where relnamespace = 'public'::regnamespace"
    " union all select p.oid::regprocedure::text, prosrc, obj_description(p.oid,"
    " 'pg_proc'), null from pg_proc as p where pronamespace = 'public'::regnamespace"
    " order by 1, 2"
)


@dataclass(slots=True)
class Side:
    """One directory with its database, and what was asked of it, newest last."""

    directory: Path
    dsn: str
    registry: str = "sqitch"
    connection: psycopg.Connection[Any] = field(init=False)

    def __post_init__(self) -> None:
        """Connect to look."""
        self.connection = psycopg.connect(self.dsn, autocommit=True)

    def close(self) -> None:
        """Stop looking."""
        self.connection.close()

    def read(self, query: str) -> list[Any]:
        """Return the rows of a query that may name the registry."""
        name = sql.Identifier(self.registry)
        text = sql.SQL(query).format(registry=name)  # type: ignore[arg-type]
        return self.connection.execute(text).fetchall()

    def rows(self) -> dict[str, list[Any]]:
        """Return the registry, table by table; nothing where there is none."""
        there = "select to_regclass(%s)"
        name = f'"{self.registry}".changes'
        if self.connection.execute(there, [name]).fetchone() == (None,):
            return {}
        return {table: self.read(query) for table, query in ROWS.items()}

    def shape(self) -> list[Any]:
        """Return the registry's columns, constraints, indexes and comments."""
        quoted = sql.Identifier(self.registry).as_string(self.connection)
        names = {"schema": sql.Literal(quoted), "name": sql.Literal(self.registry)}
        return self.connection.execute(sql.SQL(SHAPE).format(**names)).fetchall()

    def catalog(self) -> list[Any]:
        """Return what scripts made: relations, functions, their text and comments."""
        return self.read(CATALOG)

    def inverted(self) -> list[Any]:
        """Return registry rows whose times contradict their order."""
        return self.read(INVERTED) if self.rows() else []


def quick_psql() -> str:
    """Return psql itself; Debian's is a wrapper in Perl that takes longer than psql."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"))
    return str(found[-1]) if found else "psql"


def uri(dsn: str) -> str:
    """Return a database as Sqitch names one, without its password."""
    known = conninfo_to_dict(dsn)
    host = quote(str(known["host"]), safe="")
    return f"db:pg://{known['user']}@{host}:{known['port']}/{known['dbname']}"


def environment(dsn: str, home: Path) -> dict[str, str]:
    """Return an environment without anybody's settings."""
    kept = {"PATH": os.environ["PATH"], "HOME": str(home), "TZ": "UTC"}
    if "LD_LIBRARY_PATH" in os.environ:
        kept["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    if password := conninfo_to_dict(dsn).get("password"):
        kept["PGPASSWORD"] = str(password)
    return (
        kept | WHO | {"LC_ALL": "C.UTF-8", "SQITCH_USER_CONFIG": "/nowhere/sqitch.conf"}
    )


class Tools:
    """
    Both tools, warm, and a second sqitch that works at the same time.

    Args: sqitch: its program; oracle: the first sqitch, which somebody else ends.
    """

    def __init__(self, sqitch: str, oracle: Warm) -> None:
        self.sqitch = sqitch
        self.pool = ThreadPoolExecutor(2)
        self._open: list[Any] = []
        self._warm = {
            "sqitch": oracle,
            "ours": self._start("ours"),
            "reference": self._start("sqitch"),
        }

    def _start(self, name: str) -> Warm:
        context = warm(name, self.sqitch)
        self._open.append(context)
        return context.__enter__()

    def run(self, tool: str, side: Side, *argv: str) -> Done:
        """Run one command of a tool: ours, sqitch or reference, which is sqitch."""
        environ = environment(side.dsn, side.directory)
        where = ("-C", ".") if tool == "ours" else ()
        return self._warm[tool].run(side.directory, environ, *where, *argv)

    def both(self, tool: str, one: Side, other: Side, *argv: str) -> tuple[Done, Done]:
        """Run a command with a tool on one side, and the reference on the other."""
        later = self.pool.submit(self.run, "reference", other, *argv)
        first = self.run(tool, one, *argv)
        return first, later.result()

    def close(self) -> None:
        """End them."""
        self.pool.shutdown()
        for context in self._open:
            context.__exit__(None, None, None)


class Pair:
    """
    One project twice: ours to work on one side, sqitch on the other.

    Args: ours, theirs: sides of equal registry.
    """

    def __init__(self, tools: Tools, ours: Side, theirs: Side) -> None:
        self.tools, self.ours, self.theirs = tools, ours, theirs
        self.skipped: set[str] = set()  # tables in which the two differ on purpose
        self.configure()

    def close(self) -> None:
        """Stop looking."""
        self.ours.close()
        self.theirs.close()

    def configure(self, *lines: str) -> None:
        """Write the project's configuration: a target "here", and more lines."""
        for side in (self.ours, self.theirs):
            text = [
                *("[core]", "\tengine = pg", '[engine "pg"]', "\ttarget = here"),
                f"\tclient = {quick_psql()}",
                *('[target "here"]', f"\turi = {uri(side.dsn)}"),
                *(f"\tregistry = {side.registry}", *lines),
            ]
            (side.directory / "sqitch.conf").write_text("\n".join(text) + "\n")

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        for side in (self.ours, self.theirs):
            path = side.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def execute(self, query: str) -> None:
        """Do something to both databases."""
        for side in (self.ours, self.theirs):
            side.connection.execute(query)  # type: ignore[arg-type]

    def run(self, *argv: str, out: bool = True) -> Done:
        """
        Run a command, ours here and sqitch there; all they did must be equal.

        Args: out: whether standard output must be; errors have words of their own.
        Returns what ours said.
        """
        done, reference = self.tools.both("ours", self.ours, self.theirs, *argv)
        both = f"{argv}\n{done}\n{reference}"
        assert reference.code == done.code, both
        assert masked(reference.out) == masked(done.out) or not out, both
        self.compare(both)
        return done

    def compare(self, why: str = "") -> None:
        """Assert that registries, their order and what scripts made are equal."""
        theirs, ours = (
            [
                f"{table}: {row}"
                for table, rows in side.rows().items()
                if table not in self.skipped
                for row in rows
            ]
            for side in (self.theirs, self.ours)
        )
        unequal = "\n".join(unified_diff(theirs, ours, "sqitch", "ours", n=1))
        assert not unequal, f"{why}\n{unequal}"
        assert self.theirs.catalog() == self.ours.catalog(), why
        assert [] == self.ours.inverted(), why


def masked(text: str) -> str:
    """Return a text without the times at which things happened."""
    return re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", "(time)", text)


def copy_project(source: Side, target: Side) -> None:
    """Make the target's plan and scripts those of the source."""
    for path in target.directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    for path in source.directory.iterdir():
        if path.is_dir():
            shutil.copytree(path, target.directory / path.name)
        elif path.name != "sqitch.conf":
            shutil.copy(path, target.directory / path.name)


def files(side: Side) -> Iterator[Path]:
    """Yield all files of a project but its configuration."""
    for path in sorted(side.directory.rglob("*")):
        if path.is_file() and path.name != "sqitch.conf":
            yield path
