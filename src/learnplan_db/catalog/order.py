"""
The order in which objects can be made or dropped.

May import lower floors of catalog; does no I/O.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from learnplan_db.catalog.difference import place
from learnplan_db.catalog.edges import reach, reverse
from learnplan_db.catalog.names import parents

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from learnplan_db.catalog.edges import Edges
    from learnplan_db.catalog.objects import Catalog, Key


def lifted(edges: Edges, keys: Collection[Key], catalog: Catalog) -> Edges:
    """Return edges in which the parts of some objects are those objects."""
    tops = {
        key: next((k for k in (key, *parents(key, catalog)) if k in keys), key)
        for key in catalog
    }
    found: dict[Key, set[Key]] = {}
    for key, bases in edges.items():
        lifted = found.setdefault(tops.get(key, key), set())
        lifted.update(tops.get(base, base) for base in bases)
    return {key: frozenset(bases) for key, bases in found.items()}


def ordered(keys: Iterable[Key], edges: Edges) -> Iterator[Key]:
    """
    Yield objects, each after those that it stands on, else as one would build them.

    What stands on itself by a detour, such as a sequence on the column that takes its
    default from it, comes when its turn would be.
    """
    left = set(keys)
    needs = {key: (reach([key], edges) & left) - {key} for key in left}
    loops = {
        key: {base for base in bases if key in needs[base]}
        for key, bases in needs.items()
    }
    waiting = {
        key: {b for b in bases if b not in loops[key] or place(b) < place(key)}
        for key, bases in needs.items()
    }
    users = reverse({key: frozenset(bases) for key, bases in waiting.items()})
    ready = [(place(key), key) for key in left if not waiting[key]]
    heapify(ready)
    while ready:
        _, key = heappop(ready)
        yield key
        for other in users.get(key, ()):
            waiting[other].discard(key)
            if not waiting[other]:
                heappush(ready, (place(other), other))
