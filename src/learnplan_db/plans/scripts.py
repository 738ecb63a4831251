"""
The three files of a change: where they are, what they hold, their hash.

May import errors and model; reads files, never writes one.
Source: Sqitch, reworked changes (``name@tag.sql``) and script hashes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from learnplan_db.errors import PlanError

if TYPE_CHECKING:
    from pathlib import Path

    from learnplan_db.model import Change, Target

Kind = Literal["deploy", "revert", "verify"]


@dataclass(frozen=True, slots=True)
class Scripts:
    """The scripts of one target, wherever its directories are."""

    target: Target
    _plain: dict[tuple[str, str], str] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def shown(self, kind: Kind, change: Change) -> str:
        """Return the file as configured and as errors name it: deploy/users.sql."""
        if change.reworked_tags:  # which one it is depends on what is there
            return self._shown(kind, change)
        key = kind, change.name
        if key not in self._plain:
            self._plain[key] = self._shown(kind, change)
        return self._plain[key]

    def _shown(self, kind: Kind, change: Change) -> str:
        directory = f"reworked_{kind}" if change.reworked_tags else kind
        stem = self._stem(change)
        return str(
            self.target.directories[directory] / f"{stem}.{self.target.extension}"
        )

    def path(self, kind: Kind, change: Change) -> Path:
        """Return the file of a change; an earlier version's is ``name@tag.sql``."""
        return self.target.root / self.shown(kind, change)

    def read(self, kind: Kind, change: Change) -> bytes:
        """Return the bytes of a script. Raises: PlanError: it cannot be read."""
        try:
            return self.path(kind, change).read_bytes()
        except OSError as error:
            where = f"{self.target.plan_file}:{change.line}"
            shown = self.shown(kind, change)
            raise PlanError.unreadable_script(
                where, change.name, shown, error
            ) from error

    def script_hash(self, change: Change) -> str | None:
        """Return the SHA-1 of the deploy script's bytes, or None without one."""
        path = self.path("deploy", change)
        return hash_of(path.read_bytes()) if path.is_file() else None

    def _stem(self, change: Change) -> str:
        if not change.reworked_tags:
            return change.name
        stems = [f"{change.name}@{tag}" for tag in change.reworked_tags]
        directory = self.target.root / self.target.directories["reworked_deploy"]
        extension = self.target.extension
        return next(
            (s for s in stems if (directory / f"{s}.{extension}").exists()), stems[0]
        )


def hash_of(data: bytes) -> str:
    """Return the hash by which the registry knows a deploy script."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
