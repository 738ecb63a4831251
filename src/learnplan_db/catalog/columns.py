"""
SQL that brings a column from what is found to what is expected.

May import lower floors of catalog; does no I/O.
Source: PostgreSQL 15 to 18, ALTER TABLE.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnplan_db.catalog import wording
from learnplan_db.catalog.alteration import ORDER
from learnplan_db.catalog.names import split
from learnplan_db.catalog.objects import Key

if TYPE_CHECKING:
    from learnplan_db.catalog.alteration import Alteration, Losses
    from learnplan_db.catalog.making import Making
    from learnplan_db.catalog.objects import Catalog, Facts

# The first version that changes a generated column in place.
SET_EXPRESSION = 170000


@dataclass(frozen=True, slots=True)
class Columns:
    """Two catalogs, and what the target is like."""

    expected: Making
    found: Catalog
    losses: Losses
    version: int

    def alter(self, key: Key, changed: set[str], done: Alteration) -> None:
        """Add what brings a column of a table back."""
        table, word = split(key.name)
        facts, there = self._pair(key)
        alter = f"alter table {table} alter column {word}"
        if "position" in changed:
            done.note = ORDER
        if "generated" in changed and not self._generated(key, alter, done):
            return
        if {"type", "collation"} & changed:
            self._retype(key, alter, done)
        elif "default" in changed:
            done.statements.append(f"{alter} {wording.default(facts)}")
        if "not_null" in changed:
            verb = "set" if facts["not_null"] == "yes" else "drop"
            done.statements.append(f"{alter} {verb} not null")
        if "identity" in changed:
            done.statements.append(f"{alter} {_identity(facts, there)}")
        done.statements += wording.fine(key, facts, there)

    def _generated(self, key: Key, alter: str, done: Alteration) -> bool:
        """Mend how a column is computed; False if it has to be made anew."""
        facts, there = self._pair(key)
        if "generated" not in facts:
            done.statements.append(f"{alter} drop expression")
            return True
        sort, _, expression = facts["generated"].partition(" ")
        same = there.get("generated", "").startswith(f"{sort} ")
        if same and self.version >= SET_EXPRESSION:
            done.statements.append(f"{alter} set expression as ({expression})")
            return True
        dropped = wording.drops(key, self.found, self.expected.owner) or []
        done.note = f"only a new column is computed, and it comes last; {ORDER}"
        done.withheld = [*dropped, *(self.expected.makes(key) or [])]
        return False

    def _retype(self, key: Key, alter: str, done: Alteration) -> None:
        facts, there = self._pair(key)
        table, word = split(key.name)
        wanted = facts["type"]
        collate = f" collate {facts['collation']}" if "collation" in facts else ""
        using = "" if wanted == there["type"] else f" using {word}::text::{wanted}"
        made = [f"{alter} type {wanted}{collate}{using}"]
        if using and "default" in there:
            made.insert(0, f"{alter} drop default")
        if facts.get("default") != there.get("default") or len(made) > 1:
            made.append(f"{alter} {wording.default(facts)}")
        enum = Key("enum", wanted)
        if not using:
            lost = False
        elif enum in self.expected.catalog and enum not in self.found:
            labels = self.expected.catalog[enum].get("labels", "")
            lost = self.losses.others(table, word, labels)
        else:
            lost = self.losses.changes(table, word, wanted)
        if lost:
            done.note = f"values may not be the same as {wanted}, or nobody may look"
            done.withheld = made
            return
        done.retyped = True
        done.statements += made

    def _pair(self, key: Key) -> tuple[Facts, Facts]:
        return self.expected.catalog[key], self.found[key]


def _identity(facts: Facts, there: Facts) -> str:
    if "identity" not in facts:
        return "drop identity"
    if "identity" not in there:
        return f"add generated {facts['identity']} as identity"
    return f"set generated {facts['identity']}"
