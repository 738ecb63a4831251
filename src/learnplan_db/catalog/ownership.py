"""
Which change of a plan made which object last, and which of its facts.

May import catalog.objects; does no I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learnplan_db.catalog.objects import Catalog, Facts, Key


class History:
    """
    What each change of a plan made, told one catalog after another.

    Args: start: what was there before any, such as the schema public.
    """

    def __init__(self, start: Catalog) -> None:
        self._start = self._newest = start
        self._facts: dict[tuple[Key, str], str] = {}
        self._first: dict[Key, str] = {}

    def add(self, change: str, catalog: Catalog) -> None:
        """Note what differs after a change; a fact it took away is its doing too."""
        for key in catalog.keys() | self._newest.keys():
            before, now = self._newest.get(key), catalog.get(key)
            if before == now:
                continue
            if before is None and key not in self._start:
                self._first[key] = change
            old, new = before or {}, now or {}
            for facet in old.keys() | new.keys():
                if old.get(facet) != new.get(facet):
                    self._facts[key, facet] = change
                    self._facts[key, _family(facet)] = change
        self._newest = catalog

    @property
    def catalog(self) -> Catalog:
        """What the changes made."""
        return self.concerned(self._newest)

    def concerned(self, catalog: Catalog) -> Catalog:
        """Return a catalog without what was there before and no change touched."""
        found: dict[Key, Facts] = {}
        for key, facts in catalog.items():
            if key in self._start:
                kept = {f: v for f, v in facts.items() if (key, f) in self._facts}
                found |= {key: kept} if kept else {}
            else:
                found[key] = facts
        return found

    def maker(self, key: Key, facet: str = "") -> str:
        """
        Return the change that made a fact last; empty if none made the object.

        A fact that no change ever made, as a right of a stranger, is laid to the change
        that made the last of its sort, or the object.
        """
        first, made = self._first.get(key, ""), self._facts
        if not facet or key.kind == "role":
            return first  # what is read of a role hangs on what it owns
        return made.get((key, facet)) or made.get((key, _family(facet))) or first


def _family(facet: str) -> str:
    """Return the sort of a fact: of rights and memberships there is one a role."""
    return facet.partition(":")[0] + ":" if ":" in facet else facet
