"""
Parts of SQL that making, altering and dropping have in common.

May import lower floors of catalog; does no I/O.
Source: PostgreSQL, the ALTER and DROP commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.catalog import rights
from learnplan_db.catalog.names import parent, role, split
from learnplan_db.catalog.objects import Catalog, Facts, Key

if TYPE_CHECKING:
    from collections.abc import Iterator

# What ALTER TABLE calls the states of a trigger or a rule.
ENABLED = {
    "yes": "enable",
    "no": "disable",
    "always": "enable always",
    "replica": "enable replica",
}
_STORED = {"p": "plain", "e": "external", "m": "main", "x": "extended"}
_MAIN = ("numeric", "inet", "cidr")  # types that are stored so unless told otherwise
_COMPRESSED = {"p": "pglz", "l": "lz4"}


def defaults(key: Key, owner: str) -> str:
    """Return how a statement on default privileges begins."""
    schema, who, _ = rights.split_default(key)
    head = f"alter default privileges for role {role(who, owner)}"
    return f"{head} in schema {schema} "


def numbering(facts: Facts) -> str:
    """Return the parameters of a sequence."""
    cycle = "cycle" if facts["cycle"] == "yes" else "no cycle"
    start = f"start {facts['start']} cache {facts['cache']}"
    return (
        f"as {facts['type']} increment {facts['increment']} minvalue {facts['min']}"
        f" maxvalue {facts['max']} {start} {cycle}"
    )


def identified(key: Key, facts: Facts) -> str:
    """Return what sets the replica identity of a table."""
    sort, _, name = facts["replica_identity"].partition(" ")
    by = f"using index {name}" if sort == "index" else sort
    return f"alter table {key.name} replica identity {by}"


def switched(key: Key, facts: Facts) -> str:
    """Return what sets the state of a trigger or a rule."""
    table, word = split(key.name)
    return f"alter table {table} {ENABLED[facts['enabled']]} {key.kind} {word}"


def drops(key: Key, catalog: Catalog, owner: str) -> list[str] | None:
    """Return what drops an object of a catalog, never with CASCADE; None: no SQL."""
    facts = catalog[key]
    carrier, word = split(key.name)
    if key.kind == "default_acl":
        head = defaults(key, owner)
        names = rights.grantees(facts)
        return [head + rights.taken(key, facts, name, owner) for name in names]
    if key.kind == "column":
        if Key("composite", carrier) in catalog:
            return [f"alter type {carrier} drop attribute {word}"]
        return [f"alter table {carrier} drop column {word}"]
    if key.kind == "constraint":
        noun = "domain" if Key("domain", carrier) in catalog else "table"
        return [f"alter {noun} {carrier} drop constraint {word}"]
    if key.kind in {"role", "schema"} or (
        key.kind == "function" and parent(key, catalog) is not None
    ):
        return None
    return [f"drop {rights.address(key, catalog)}"]


def options(alter: str, facts: Facts, there: Facts) -> Iterator[str]:
    """Yield what sets and resets storage parameters."""
    planned, found = (
        dict(text.split("=", 1) for text in one.get("options", "").split(", ") if text)
        for one in (facts, there)
    )
    if surplus := [name for name in found if name not in planned]:
        yield f"{alter} reset ({', '.join(surplus)})"
    if other := [f"{n} = {v}" for n, v in planned.items() if found.get(n) != v]:
        yield f"{alter} set ({', '.join(other)})"


def fine(key: Key, facts: Facts, there: Facts) -> Iterator[str]:
    """Yield what sets a column's storage, compression, statistics and options."""
    table, word = split(key.name)
    alter = f"alter table {table} alter column {word}"
    if facts.get("storage") != there.get("storage"):
        usual = "main" if facts["type"].startswith(_MAIN) else "extended"
        yield f"{alter} set storage {_STORED.get(facts.get('storage', ''), usual)}"
    if facts.get("compression") != there.get("compression"):
        word = _COMPRESSED.get(facts.get("compression", ""), "default")
        yield f"{alter} set compression {word}"
    if facts.get("statistics") != there.get("statistics"):
        yield f"{alter} set statistics {facts.get('statistics', '-1')}"
    yield from options(alter, facts, there)


def default(facts: Facts) -> str:
    """Return what sets a default, or takes it away."""
    found = facts.get("default")
    return f"set default {found}" if found else "drop default"
