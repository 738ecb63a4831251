"""
Reads what some schemas of a database hold, in one statement and thus of one moment.

Works for every role, in a read-only transaction and on a standby. May import
catalog.deparsed and catalog.objects; only reads; never prints.
Source: PostgreSQL 15 to 18, "System Catalogs".
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb

from learnplan_db.catalog.deparsed import schema_of, unqualified
from learnplan_db.catalog.objects import Catalog, Facts, Key

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    import psycopg

    Connection = psycopg.Connection[Any]

_QUERIES = Path(__file__).with_name("queries")
_PARTS = ("relations", "code", "types")
# How the server writes names and constants; JIT would compile for longer than it runs.
_WRITING = {
    "search_path": "pg_catalog",
    "quote_all_identifiers": "off",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "jit": "off",
}
# Nothing that somebody called as the system's functions, in a schema searched before.
_SET = """select pg_catalog.set_config('learnplan_db.schemas',
    %s::pg_catalog.text[]::pg_catalog.text, true),
  (select pg_catalog.count(pg_catalog.set_config(name, value, true))
  from pg_catalog.jsonb_each_text(%s) as setting (name, value))"""
_PLAIN = {"body", "comment", "labels"}  # never names what is an extension's
_FIRST_WITHOUT_HIDDEN_ROWS = 160000  # OLD and NEW were sources of every view before


def schemas(connection: Connection, registry: str) -> list[str]:
    """Return the schemas of a database that may be a plan's: not the registry's."""
    [found] = asked(connection, (), [text("schemas")])
    return [name for (name,) in found if name != registry]


def read(connection: Connection, schemas: Sequence[str]) -> Catalog:
    """
    Return all objects of the schemas that are there, and the roles concerned.

    The role that owns most of them is called ``owner``: who deploys is the host's
    choice, as is the schema of an extension, which is left out. The connection is as it
    was again when this returns.
    """
    objects = b"\nunion all\n".join(map(text, _PARTS))
    frame = text("frame").replace(b"{objects}", objects)
    rows, names = asked(connection, schemas, [frame, text("borrowed")])
    borrowed = schema_of(name for (name,) in names)
    old = connection.info.server_version < _FIRST_WITHOUT_HIDDEN_ROWS
    return {
        Key(kind, borrowed.sub("", name) if borrowed else name): _canonical(
            facts, borrowed, old=old
        )
        for kind, name, facts in rows
    }


def asked(
    connection: Connection, schemas: Sequence[str], queries: Sequence[bytes]
) -> list[list[Any]]:
    """Return the rows of queries, all sent at once, with settings of our own."""
    with (
        connection.pipeline(),
        connection.transaction(force_rollback=True),
        ExitStack() as stack,
    ):
        connection.execute(_SET, [list(schemas), Jsonb(_WRITING)])
        cursors = [
            stack.enter_context(connection.cursor(row_factory=tuple_row))
            for _ in queries
        ]
        for cursor, query in zip(cursors, queries, strict=True):
            cursor.execute(query)
        return [cursor.fetchall() for cursor in cursors]


def text(name: str) -> bytes:
    """Return one of the queries."""
    return (_QUERIES / name).with_suffix(".sql").read_bytes()


def _canonical(facts: Facts, borrowed: re.Pattern[str] | None, *, old: bool) -> Facts:
    """Return facts as every major and host would tell them."""
    found = dict(facts)
    if borrowed:
        for facet in found.keys() - _PLAIN:
            found[facet] = borrowed.sub("", found[facet])
    if old and "query" in found:
        found["query"] = unqualified(found["query"])
    return found
