"""
What two catalogs of one plan differ in, and which change each difference belongs to.

May import lower floors of catalog; does no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from learnplan_db.catalog.names import parents, split
from learnplan_db.catalog.objects import KINDS, Key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from learnplan_db.catalog.objects import Catalog, Facts
    from learnplan_db.catalog.ownership import History

State = Literal["missing", "extra", "differs"]
# A view's query says these of its columns.
_OF_QUERY = frozenset({"type", "position", "not_null", "collation"})


@dataclass(frozen=True, order=True, slots=True)
class Fact:
    """One fact that differs; None where it is not there at all."""

    facet: str
    expected: str | None
    found: str | None
    change: str


@dataclass(frozen=True, slots=True)
class Difference:
    """
    One object that is not as the plan made it.

    Args: change: that owns it, empty if none made it; facts: of what differs; parts:
        what is missing or extra along with it.
    """

    key: Key
    state: State
    change: str
    facts: tuple[Fact, ...] = ()
    parts: tuple[Key, ...] = ()


def compare(
    history: History, found: Catalog, roles: Collection[str]
) -> tuple[Difference, ...]:
    """
    Return the objects that differ, in the order in which one would build them.

    Args: roles: all that are there, quoted: a catalog holds those that somebody names.
    """
    expected = history.catalog
    missing = {
        key
        for key in expected.keys() - found.keys()
        if key.kind != "role" or key.name not in roles
    }
    extra = {key for key in found.keys() - expected.keys() if key.kind != "role"}
    changed = {
        key: facts
        for key, facts in _changed(history, found)
        # The indexes of a table that was renamed keep their names.
        if key.kind != "index" or not missing & {*parents(key, expected)}
    }
    for view in [key for key in changed if _asks_otherwise(key, changed)]:
        for key in [*missing, *extra, *changed]:
            if key.kind == "column" and split(key.name)[0] == view.name:
                missing.discard(key)
                extra.discard(key)
                rest = [f for f in changed.pop(key, ()) if f.facet not in _OF_QUERY]
                if rest:
                    changed[key] = tuple(rest)
    differences = [
        *(
            Difference(key, "missing", history.maker(key), parts=parts)
            for key, parts in _whole(missing, expected).items()
        ),
        *(
            Difference(key, "extra", "", parts=parts)
            for key, parts in _whole(extra, found).items()
        ),
        *(
            Difference(key, "differs", facts[0].change, facts)
            for key, facts in changed.items()
        ),
    ]
    return tuple(sorted(differences, key=lambda one: place(one.key)))


def place(key: Key) -> tuple[int, Key]:
    """Return what sorts objects in the order in which one would build them."""
    return (KINDS.index(key.kind), key)


def _asks_otherwise(key: Key, changed: Mapping[Key, Iterable[Fact]]) -> bool:
    return key.kind == "view" and any(f.facet == "query" for f in changed[key])


def _whole(keys: set[Key], catalog: Catalog) -> dict[Key, tuple[Key, ...]]:
    """Return those that are part of no other, each with its parts."""
    found: dict[Key, list[Key]] = {}
    for key in sorted(keys, key=place):
        top = next((p for p in reversed([*parents(key, catalog)]) if p in keys), key)
        parts = found.setdefault(top, [])
        if top != key:
            parts.append(key)
    return {key: tuple(parts) for key, parts in found.items()}


def _changed(
    history: History, found: Catalog
) -> Iterable[tuple[Key, tuple[Fact, ...]]]:
    """Yield each object that is in both, and is not the same."""
    # Whether a role may log in is told of owners alone: who owns what shows elsewhere.
    expected = history.catalog
    moved = _moved(expected, found)
    for key in expected.keys() & found.keys():
        one, other = expected[key], found[key]
        if one == other:
            continue
        facts = [
            Fact(facet, one.get(facet), other.get(facet), history.maker(key, facet))
            for facet in one.keys() | other.keys()
            if one.get(facet) != other.get(facet)
            and (facet != "position" or key in moved)
            and (facet != "login" or {facet} <= one.keys() & other.keys())
        ]
        if facts:
            yield key, tuple(sorted(facts, key=lambda f: (":" in f.facet, f.facet)))


def _moved(expected: Catalog, found: Catalog) -> set[Key]:
    """Return the columns that stand in another order, whatever is between them."""
    common = [k for k in expected if k.kind == "column" and k in found]
    tables: dict[str, list[Key]] = {}
    for key in common:
        tables.setdefault(split(key.name)[0], []).append(key)
    moved: set[Key] = set()
    for columns in tables.values():
        planned = sorted(columns, key=lambda k: _position(expected[k]))
        there = sorted(columns, key=lambda k: _position(found[k]))
        moved |= {a for a, b in zip(planned, there, strict=True) if a != b}
    return moved


def _position(facts: Facts) -> int:
    return int(facts["position"])
