"""
Reads what in some schemas stands on what, how functions are written down, and more.

Works for every role, in a read-only transaction and on a standby. May import lower
floors of catalog; only reads; never prints.
Source: PostgreSQL 15 to 18, "pg_depend".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnplan_db.catalog.objects import Key
from learnplan_db.catalog.reading import asked, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

Edges = Mapping[Key, frozenset[Key]]
_PARTS = ("edges", "sources", "extensions", "roles")


@dataclass(frozen=True, slots=True)
class Ground:
    """
    What a catalog does not say of its database.

    ``edges`` lead from each object to what it stands on; ``sources`` are the statements
    that make the functions; ``extensions`` have the schemas that they are in; ``roles``
    are all of the cluster. Names are quoted.
    """

    edges: Edges
    sources: Mapping[Key, str]
    extensions: Mapping[str, str]
    roles: frozenset[str]


def read(connection: psycopg.Connection[Any], schemas: Sequence[str]) -> Ground:
    """Return it; the connection is as it was again when this returns."""
    pairs, functions, extensions, roles = asked(
        connection, schemas, [text(name) for name in _PARTS]
    )
    found: dict[Key, set[Key]] = {}
    for kind, name, other, base in pairs:
        found.setdefault(Key(kind, name), set()).add(Key(other, base))
    return Ground(
        {key: frozenset(bases) for key, bases in found.items()},
        {Key("function", name): source for name, source in functions},
        dict(extensions),
        frozenset(name for (name,) in roles),
    )


def reverse(edges: Edges) -> Edges:
    """Return the edges from each object to what stands on it."""
    found: dict[Key, set[Key]] = {}
    for key, bases in edges.items():
        for base in bases:
            found.setdefault(base, set()).add(key)
    return {key: frozenset(others) for key, others in found.items()}


def reach(start: Iterable[Key], edges: Edges) -> set[Key]:
    """Return all that edges lead to, directly or not."""
    found: set[Key] = set()
    left = list(start)
    while left:
        for other in edges.get(left.pop(), ()):
            if other not in found:
                found.add(other)
                left.append(other)
    return found
