"""
The nouns of the engine, as frozen values.

May import nothing of the package; holds no behaviour beyond derived properties.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path


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
    """
    A parsed plan: ``source`` is the file's name as shown in errors.

    ``places`` holds the positions of every name, @tag and id, of HEAD and of ROOT.
    """

    project: str
    uri: str | None
    changes: tuple[Change, ...]
    source: str
    pragmas: dict[str, str] = field(default_factory=dict)
    places: Mapping[str, Sequence[int]] = field(
        default_factory=dict, repr=False, compare=False
    )


@dataclass(frozen=True, slots=True)
class Target:
    """
    One database of one project, and what configuration says of the two.

    ``name`` is what messages show: the name of a configured target, else its URI
    without the password. Paths are as configured, relative to ``root`` unless
    absolute; ``directories`` has the keys deploy, revert, verify, reworked_deploy,
    reworked_revert and reworked_verify. ``variables`` are psql's, of the engine and
    the target. ``guard`` sets ``row_security = off`` for deploy and revert scripts,
    so that a data change that a policy would hide is an error.
    """

    name: str
    uri: str = field(repr=False)
    conninfo: str = field(repr=False)
    root: Path
    top_dir: Path
    plan_file: Path
    directories: Mapping[str, Path]
    reworked_dir: Path
    extension: str = "sql"
    registry: str = "sqitch"
    client: str = "psql"
    variables: Mapping[str, str] = field(default_factory=dict)
    guard: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """
    One line of a history or of a plan: what ``log`` and ``plan`` show.

    ``event`` is deploy, revert or fail. ``tags`` carry their ``@``. What is only
    planned has no committer and no ``committed_at``.
    """

    event: str
    project: str
    change_id: str
    change: str
    note: str
    requires: tuple[str, ...]
    conflicts: tuple[str, ...]
    tags: tuple[str, ...]
    planned_at: datetime
    planner: Planner
    committed_at: datetime | None = None
    committer: Planner | None = None


@dataclass(frozen=True, slots=True)
class Deployed:
    """A change, or a tag, that is deployed now; ``tags`` carry their ``@``."""

    id: str
    name: str
    committed_at: datetime
    committer: Planner
    tags: tuple[str, ...] = ()
