"""
Names of a catalog as SQL takes them: whose part an object is, and how it is named.

May import catalog.objects; does no I/O.
Source: PostgreSQL, "Identifiers and Key Words".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from learnplan_db.catalog.objects import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.catalog.objects import Catalog

OWNER = "owner"  # what a catalog calls the role that deployed
NOBODY = "public"
_WORD = re.compile(r'"(?:[^"]|"")*"|[^."]+')
# What belongs to a relation or a type, whose name it carries.
MEMBERS = ("column", "constraint", "trigger", "rule", "policy")
_CARRIERS = ("table", "view", "composite", "domain")


def split(name: str) -> tuple[str, str]:
    """Return what stands before the last word of a qualified name, and that word."""
    words = _WORD.findall(name)
    return ".".join(words[:-1]), words[-1]


def schema(name: str) -> str:
    """Return the first word of a qualified name."""
    found = _WORD.match(name)
    return found.group() if found else name


def unquoted(name: str) -> str:
    """Return a single name as the server stores it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def parent(key: Key, catalog: Catalog) -> Key | None:
    """Return what goes and comes with an object, or None if it stands alone."""
    facts = catalog.get(key, {})
    if key.kind in MEMBERS:
        name, _ = split(key.name)
        return next(
            (k for kind in _CARRIERS if (k := Key(kind, name)) in catalog), None
        )
    if key.kind == "index":
        _, word = split(key.name)
        constraint = Key("constraint", f"{facts['table']}.{word}")
        return constraint if constraint in catalog else Key("table", facts["table"])
    if key.kind == "sequence" and "owned_by" in facts:
        return Key("column", facts["owned_by"])
    if key.kind == "function":  # a range brings those that make one
        name = key.name.partition("(")[0]
        known = (name, name.removesuffix("_multirange"), name.replace("multi", "", 1))
        return next((k for n in known if (k := Key("range", n)) in catalog), None)
    return None


def parents(key: Key, catalog: Catalog) -> Iterator[Key]:
    """Yield what an object is a part of, the nearest first."""
    found = parent(key, catalog)
    while found is not None:
        yield found
        found = parent(found, catalog)


def inherited(key: Key, catalog: Catalog) -> list[Key]:
    """Return the columns of other tables that a column comes and goes with."""
    table, word = split(key.name)
    if key.kind != "column":
        return []
    facts = catalog.get(Key("table", table), {})
    names = [name for name in facts.get("parents", "").split(", ") if name]
    return [Key("column", f"{name}.{word}") for name in names]


def literal(text: str) -> str:
    """Return a string constant, for standard_conforming_strings = on."""
    return "'" + text.replace("'", "''") + "'"


def role(name: str, owner: str) -> str:
    """Return a role of a catalog as SQL names it; owner: quoted, who deployed."""
    return owner if name == OWNER else name


def roles(names: str, owner: str) -> str:
    """Return a list of roles of a catalog as SQL names them."""
    return ", ".join(
        role(name, owner) for name in re.findall(r'"(?:[^"]|"")*"|[^, "]+', names)
    )
