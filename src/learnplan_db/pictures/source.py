"""
One catalog as a picture asks for it: what a table has, and names that people write.

May import catalog; pure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnplan_db.catalog.names import schema, split, unquoted
from learnplan_db.catalog.objects import Key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnplan_db.catalog.objects import Catalog, Facts

# Types by the names that people write.
_TYPES = (
    (r"^(timestamp|time)(\(\d\))? without time zone", r"\1\2"),
    (r"^(timestamp|time)(\(\d\))? with time zone", r"\1tz\2"),
    (r"^character varying", "varchar"),
    (r"^double precision", "float8"),
)


@dataclass(frozen=True, slots=True)
class TableKey:
    """A row of keys.sql: what is primary, unique or foreign in a table."""

    kind: str
    table: str
    name: str
    columns: list[str]
    parent: str
    targets: list[str]
    action: str


class Source:
    """What is known of some schemas."""

    def __init__(
        self, catalog: Catalog, schemas: Sequence[str], keys: Sequence[TableKey]
    ) -> None:
        self.catalog, self.schemas = catalog, tuple(schemas)
        # What was made while we read is not there yet.
        self.keys = [one for one in keys if Key("table", one.table) in catalog]
        self._members: dict[str, list[Key]] = defaultdict(list)
        for key, facts in catalog.items():
            carrier = facts.get("table", "") if key.kind == "index" else ""
            self._members[carrier or split(key.name)[0]].append(key)

    def of_kind(self, kind: str) -> list[Key]:
        """Return the objects of a kind by name, without partitions."""
        return sorted(
            key
            for key, facts in self.catalog.items()
            if key.kind == kind and "bound" not in facts
        )

    def parts(self, table: str, kind: str) -> Iterator[tuple[str, Facts]]:
        """Yield what a table has of a kind, each with its name."""
        for key in self._members[table]:
            if key.kind == kind:
                yield unquoted(split(key.name)[1]), self.catalog[key]

    def columns(self, table: str) -> list[tuple[str, Facts]]:
        """Return the columns of a table in their order."""
        found = self.parts(table, "column")
        return sorted(found, key=lambda one: int(one[1]["position"]))

    def keys_of(self, table: str, *kinds: str) -> list[TableKey]:
        """Return the keys of a table of some kinds, in the order of the kinds."""
        return [
            one
            for kind in kinds
            for one in self.keys
            if (one.table, one.kind) == (table, kind)
        ]

    def partitions(self, table: str) -> int:
        """Return how many partitions a table has."""
        return sum(
            "bound" in facts and facts.get("parents") == table
            for facts in self.catalog.values()
        )

    def name(self, name: str) -> str:
        """Return a name as people say it: with its schema, if that is not the one."""
        before, word = map(unquoted, split(name))
        return word if self.schemas == (before,) else f"{before}.{word}"

    def type(self, name: str) -> str:
        """Return a type as people write it."""
        for long, short in _TYPES:
            name = re.sub(long, short, name)
        if self.schemas == (unquoted(schema(name)),):
            return name[len(schema(name)) + 1 :]
        return name
