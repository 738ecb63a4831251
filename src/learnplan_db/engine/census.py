"""
What a revert would take away: looked up, and counted although row security hides it.

All in transactions that are rolled back: nothing is written. May import lower floors;
never prints.
Source: PostgreSQL, "Row Security Policies", "The Cumulative Statistics System".
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from learnplan_db.psql.removals import removals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.engine.registry import Registry
    from learnplan_db.psql.removals import Removal
    from learnplan_db.psql.script import Script

    Connection = psycopg.Connection[Any]

LIMIT = 1_000_000  # so many are counted
PATIENCE, LOCKED_PATIENCE = "10s", "2s"  # for one count; for one that locks its table
TABLES = ("projects", "releases", "changes", "tags", "dependencies", "events")
CONSTANT = re.compile(r"(?:'(?:[^']|'')*'|-?[\d.]+|true|false|NULL)(?:::[^()]+)?\Z")
_DESCRIBED = """
  with recursive tree as (
    select {oid}::pg_catalog.oid as oid
    union
    select i.inhrelid from pg_catalog.pg_inherits as i
    inner join tree on i.inhparent = tree.oid
  )
  select pg_catalog.format('%I.%I', n.nspname, c.relname),
    pg_catalog.quote_ident(a.attname), a.attgenerated = '',
    pg_catalog.format_type(a.atttypid, a.atttypmod),
    pg_catalog.pg_get_expr(d.adbin, d.adrelid),
    array(
      select array[tree.oid::bigint, coalesce(x.attnum, 0)] from tree
      left join pg_catalog.pg_attribute as x
        on x.attrelid = tree.oid and x.attname = a.attname)
  from pg_catalog.pg_class as c
  inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  left join pg_catalog.pg_attribute as a
    on a.attrelid = c.oid and a.attnum = {attnum} and a.attnum > 0
  left join pg_catalog.pg_attrdef as d
    on d.adrelid = a.attrelid and d.adnum = a.attnum
  where c.oid = {oid}"""
FOUND = {
    "table": """
      select oid, 0 from pg_catalog.pg_class
      where oid = pg_catalog.to_regclass({name}) and relkind in ('r', 'p')""",
    "schema": """
      select c.oid, 0 from pg_catalog.pg_class as c
      where c.relnamespace = pg_catalog.to_regnamespace({name}) and c.relkind = 'r'
      order by c.relname""",
    "type": """
      select a.attrelid, a.attnum from pg_catalog.pg_attribute as a
      inner join pg_catalog.pg_class as c on c.oid = a.attrelid
      inner join pg_catalog.pg_type as t on t.oid = a.atttypid
      where pg_catalog.to_regtype({name}) in (t.oid, t.typelem, t.typbasetype)
        and c.relkind = 'r' and not a.attisdropped
      order by c.relname, a.attnum""",
    "column": """
      select a.attrelid, a.attnum from pg_catalog.pg_attribute as a
      inner join pg_catalog.pg_class as c on c.oid = a.attrelid
      where c.oid = pg_catalog.to_regclass({name}) and c.relkind in ('r', 'p')
        and a.attname = {column} and a.attnum > 0 and not a.attisdropped""",
}
FOUND["rows"] = FOUND["table"]
_ACTIVE = "select pg_catalog.row_security_active({oid}::pg_catalog.oid)"
_STANDING = """
  select c.oid, pg_catalog.pg_relation_filenode(c.oid), array(
      select a.attnum from pg_catalog.pg_attribute as a
      where a.attrelid = c.oid and a.attnum > 0 and a.attisdropped)
  from pg_catalog.pg_class as c
  inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.relkind = 'r' and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema')
    and not (n.nspname = {registry} and c.relname = any({tables}))"""


@dataclass(frozen=True, slots=True)
class Thing:
    """
    A table, a column or rows of a table, which would go.

    ``where`` tells what of it is worth anything; None: nothing is. ``covers`` are
    (table, column or 0) of it and of all its children. A ``condition``, of a table
    with an ``alias``, says which rows go.
    """

    oid: int
    attnum: int
    table: str
    shown: str
    where: str | None
    covers: tuple[tuple[int, int], ...]
    condition: str = ""
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A table as it stands: where its rows are, and which columns it has lost."""

    oid: int
    node: int
    gone: tuple[int, ...]


class Census:
    """
    Looks up and counts, over a connection in autocommit.

    ``own``: transactions whose rows count as nobody's.
    """

    def __init__(self, connection: Connection, registry: Registry) -> None:
        """Look at nothing yet."""
        self.use(connection, registry)
        self.own: tuple[str, ...] = ()

    def use(self, connection: Connection, registry: Registry) -> None:
        """Go on over another connection."""
        self.connection, self.registry = connection, registry

    def rows_of(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query whose values are put in as literals."""
        given = {name: sql.Literal(value) for name, value in values.items()}
        text = sql.SQL(query).format(**given).as_bytes(self.connection)
        return self.connection.cursor(row_factory=tuple_row).execute(text).fetchall()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Provide a transaction, or a part of one, of which nothing stays."""
        with self.connection.transaction(force_rollback=True):
            yield

    def own_of(self, change_ids: list[str]) -> None:
        """Take for nobody's what was written together with these changes' rows."""
        table = sql.Identifier(self.registry.schema, "changes")
        query = sql.SQL("select xmin::text from {} where change_id = any({})")
        text = query.format(table, sql.Literal(change_ids)).as_bytes(self.connection)
        cursor = self.connection.cursor(row_factory=tuple_row)
        self.own = tuple(row[0] for row in cursor.execute(text))

    def find(self, script: Script) -> list[Thing]:
        """Return what a script would take away, as far as its text tells."""
        found: dict[tuple[int, int, str], Thing] = {}
        taken = removals(script)
        if not taken:
            return []
        with self.passing():
            self.connection.execute("set local search_path to default")
            for removal in taken:
                for thing in self._things(removal):
                    found[thing.oid, thing.attnum, thing.condition] = thing
        return list(found.values())

    def count(self, thing: Thing) -> tuple[int | None, str]:
        """
        Return how many rows or values would go, in words too; 0 for none.

        None is what nobody can tell: the table is another's, or it would take too long.
        Raises: LockNotAvailable: somebody holds the table's lock.
        """
        if thing.where is None:
            return 0, ""
        noun = "value" if thing.attnum else "row"
        number, most = self._number(thing, thing.condition), ""
        if number is None and thing.condition:
            number, most = self._number(thing, ""), "at most "
        if number is None:
            return None, f"an unknown number of {noun}s"
        if number > LIMIT:
            return None, f"more than {LIMIT} {noun}s"
        return number, f"{most}{number} {noun}{'s' * (number != 1)}"

    def standing(self) -> list[Standing]:
        """Return the tables as they stand, once older statistics are out of the way."""
        self.connection.execute("select pg_catalog.pg_stat_force_next_flush()")
        found = self.rows_of(
            _STANDING, registry=self.registry.schema, tables=list(TABLES)
        )
        return [Standing(oid, node or 0, tuple(gone)) for oid, node, gone in found]

    def describe(self, oid: int, attnum: int) -> Thing | None:
        """Return a table or column by its numbers, None if it is not there."""
        found = self.rows_of(_DESCRIBED, oid=oid, attnum=attnum)
        if not found:
            return None
        table, column, stored, kind, default, covers = found[0]
        where, shown = "true", f"table {table}"
        if column is not None:
            shown, name = f"column {table}.{column}", f"counted.{column}"
            where = f"{name} is not null"
            if default and stored and CONSTANT.match(default):
                where += f" and {name}::text is distinct from ({default})::{kind}::text"
        pairs = tuple((int(one), int(other)) for one, other in covers)
        worth = None if stored is False else where + self._others("counted")
        return Thing(oid, attnum, table, shown, worth, pairs)

    def _things(self, removal: Removal) -> Iterator[Thing]:
        """Yield what a removal means where it stands; nothing if nobody knows."""
        try:
            with self.connection.transaction():
                if removal.kind == "path":
                    path = f"set local search_path to {removal.name}"
                    self.connection.execute(path.encode())
                    return
                found = self.rows_of(
                    FOUND[removal.kind],
                    name=removal.name,
                    column=_plain(removal.column),
                )
        except psycopg.Error:
            return  # the statement will not find it either, or is not what it seems
        for oid, attnum in found:
            thing = self.describe(oid, attnum)
            if thing and removal.kind == "rows":
                thing = replace(
                    thing,
                    shown=f"rows of table {thing.table}",
                    condition=removal.condition,
                    alias=removal.alias,
                )
            if thing:
                yield thing

    def _number(self, thing: Thing, condition: str) -> int | None:
        """Return how many there are, LIMIT + 1 at most; None if nobody can tell."""
        where, source = thing.where, f"{thing.table} as counted"
        if condition:
            alias = thing.alias or thing.table
            where = f"({condition}){self._others(alias)}"
            source = thing.table + f" as {alias}" * bool(thing.alias)
        limited = f"select from {source} where {where} limit {LIMIT + 1}"
        try:
            with self.passing():
                hidden = self.rows_of(_ACTIVE, oid=thing.oid)[0][0]
                patience = LOCKED_PATIENCE if hidden else PATIENCE
                limit = f"set local statement_timeout = '{patience}'"
                self.connection.execute(limit.encode())
                if hidden:
                    shown = f"alter table {thing.table} no force row level security"
                    self.connection.execute(shown.encode())
                query = f"select count(*) from ({limited}) as found"
                cursor = self.connection.cursor(row_factory=tuple_row)
                row = cursor.execute(query.encode()).fetchone()
                return int(row[0]) if row else None
        except psycopg.errors.LockNotAvailable:
            raise
        except psycopg.Error:
            if self.connection.closed:
                raise
            return None

    def _others(self, alias: str) -> str:
        """Return the condition that a row is of others than ``own``."""
        if not self.own:
            return ""
        listed = ", ".join(f"'{xid}'" for xid in self.own)
        return f" and {alias}.xmin::text not in ({listed})"


def _plain(name: str) -> str:
    """Return a name as the catalog has it."""
    if name.startswith('"'):
        return name[1:-1].replace('""', '"')
    return name.lower()
