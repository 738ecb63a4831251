"""
Reads what is to be drawn of some schemas, from the catalog of a live database.

Needs no right but to connect. May import catalog and lower floors of pictures; only
reads; never prints.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from learnplan_db.catalog.reading import asked, text
from learnplan_db.catalog.rights import grantees
from learnplan_db.pictures.model import Drawing, Enum, Function, Link, Table
from learnplan_db.pictures.source import Source, TableKey
from learnplan_db.pictures.tables import table_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from learnplan_db.catalog.objects import Catalog, Key

_LABEL = re.compile(r"'((?:[^']|'')*)'")


def drawing(
    connection: psycopg.Connection[Any], schemas: Sequence[str], catalog: Catalog
) -> Drawing:
    """
    Return what schemas hold; the connection is as it was again when this returns.

    Partitions are told of the table that they are part of.
    Args: catalog: what catalog.reading has read of these schemas.
    """
    [rows] = asked(connection, schemas, [text("keys")])
    source = Source(catalog, schemas, [TableKey(*row) for row in rows])
    tables = {key.name: table_of(source, key) for key in source.of_kind("table")}
    links = [_link(one, source) for one in source.keys if one.kind == "foreign"]
    foreign = {one.parent for one in links} - tables.keys()
    return Drawing(
        connection.info.dbname,
        source.schemas,
        tuple(_parents_first(tables, links)),
        tuple(links),
        tuple(table_of(source, key) for key in source.of_kind("view")),
        tuple(_enum(key, source) for key in source.of_kind("enum")),
        tuple(_function(key, source) for key in source.of_kind("function")),
        tuple(Table(name, source.name(name), "", ()) for name in sorted(foreign)),
    )


def _link(key: TableKey, source: Source) -> Link:
    nullable = {
        name for name, facts in source.columns(key.table) if facts["not_null"] == "no"
    }
    unique = source.keys_of(key.table, "primary", "unique")
    return Link(
        key.name,
        key.table,
        tuple(key.columns),
        key.parent,
        tuple(key.targets),
        key.action,
        optional=not nullable.isdisjoint(key.columns),
        single=any(set(one.columns) <= set(key.columns) for one in unique),
    )


def _enum(key: Key, source: Source) -> Enum:
    facts = source.catalog[key]
    labels = _LABEL.findall(facts.get("labels") or "")
    words = tuple(label.replace("''", "'") for label in labels)
    return Enum(source.name(key.name), words, facts.get("comment", ""))


def _function(key: Key, source: Source) -> Function:
    facts = source.catalog[key]
    owner = facts["owner"]
    traits = (
        facts["sort"] if facts["sort"] != "function" else "",
        facts["volatility"],
        f"runs as {owner}" if facts["security"] == "definer" else "",
    )
    return Function(
        source.name(key.name.partition("(")[0]),
        facts.get("arguments", ""),
        source.type(facts.get("result") or ""),
        facts.get("comment", ""),
        tuple(filter(None, traits)),
        tuple(role for role in grantees(facts) if role != owner),
    )


def _parents_first(tables: Mapping[str, Table], links: Sequence[Link]) -> list[Table]:
    """Return tables so that what is owned stands after its owner, busy ones first."""
    parents = {name: {k.parent for k in links if k.child == name} for name in tables}
    depths: dict[str, int] = {}

    def depth(name: str, path: tuple[str, ...] = ()) -> int:
        if name in path or name not in tables:
            return -1
        if name not in depths:
            above = [depth(one, (*path, name)) for one in sorted(parents[name])]
            depths[name] = max(above, default=-1) + 1
        return depths[name]

    def rank(one: Table) -> tuple[int, int, str]:
        children = sum(link.parent == one.id for link in links)
        return depth(one.id), -children, one.name

    return sorted(tables.values(), key=rank)
