"""
The nouns of the engine, as frozen values.

May import nothing of the package; holds no behaviour beyond derived properties.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Planner:
    """Who planned or deployed something: ``name <email>``."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag of the plan; ``name`` carries no ``@``, ``id`` is 40 hex digits."""

    name: str
    id: str
    note: str
    planned_at: datetime
    planner: Planner
    line: int


@dataclass(frozen=True, slots=True)
class Change:
    """
    One change of the plan.

    ``requires`` and ``conflicts`` hold dependency texts as Sqitch hashes and records
    them (own project's prefix removed, no ``!``). ``reworked_tags`` is empty unless a
    later change reworks this one; then it lists the tags, best first, that may name
    its files (``users@v1.sql``). ``line`` is 1-based in the plan file, ``index``
    0-based among the changes.
    """

    name: str
    id: str
    note: str
    planned_at: datetime
    planner: Planner
    requires: tuple[str, ...]
    conflicts: tuple[str, ...]
    tags: tuple[Tag, ...]
    line: int
    index: int
    reworked_tags: tuple[str, ...] = ()
    operator: str = ""

    @property
    def label(self) -> str:
        """Return the name followed by its tags, as Sqitch prints it."""
        return " ".join([self.name, *(f"@{tag.name}" for tag in self.tags)])


@dataclass(frozen=True, slots=True)
class Plan:
    """A parsed plan: ``source`` is the file's name as shown in errors."""

    project: str
    uri: str | None
    changes: tuple[Change, ...]
    source: str
    pragmas: dict[str, str] = field(default_factory=dict)
