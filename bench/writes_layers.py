"""What was measured of writes, as data: by table, operation and layer. Pure."""

from __future__ import annotations

from math import exp, log
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.writes_world import BARE, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable


class Layers:
    """The costs of operations by table, and how often they were measured."""

    def __init__(self, rows: Iterable[dict[str, Any]]) -> None:
        self._rows = {
            (r["table"], r["operation"], r["how"], r["layer"]): r for r in rows
        }

    def cost(self, what: str, name: str, operation: str, how: str, layer: str) -> float:
        """Return a cost by its name: us (the median), wal or blocks."""
        found = self._rows[name, operation, how, layer][what]
        return float(median(found)) if what == "us" else float(found)

    def times(self, what: str, operation: str, how: str, layer: str) -> float:
        """Return the mean over all tables of how many times the bare table's it is."""
        logs = [
            log(
                self.cost(what, name, operation, how, layer)
                / self.cost(what, name, operation, how, BARE)
            )
            for name in TABLES
        ]
        return exp(sum(logs) / len(logs))

    @property
    def rounds(self) -> int:
        """How many rounds count."""
        return min(len(row["us"]) for row in self._rows.values())
