"""
What is done with one object, and what has to be asked before.

May import nothing; does no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

ORDER = "the order of columns is mended only by building the table anew"
BY_HAND = "no SQL is known for it: look at the script of the change"


class Losses(Protocol):
    """What would be lost; True also where nobody may look."""

    def rows(self, table: str) -> bool:
        """Tell whether a table holds rows."""

    def values(self, table: str, column: str) -> bool:
        """Tell whether a column holds anything."""

    def changes(self, table: str, column: str, to: str) -> bool:
        """Tell whether a value would not be the same in another type."""

    def others(self, table: str, column: str, labels: str) -> bool:
        """Tell whether a column holds what is none of these labels."""


@dataclass(slots=True)
class Alteration:
    """
    What is to be done with one object.

    Args: statements: in their order; remake: drop it and make it instead; retyped: what
        reads it must go before; note: what a person has to know; withheld: statements
        that only a person may run.
    """

    statements: list[str] = field(default_factory=list)
    remake: bool = False
    retyped: bool = False
    note: str = ""
    withheld: list[str] = field(default_factory=list)
