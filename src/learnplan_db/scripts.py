"""
The three files of a change: where they are, what they hold, their hash.

May import errors and model; reads files, never writes one.
Source: Sqitch, reworked changes (``name@tag.sql``) and script hashes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from learnplan_db.errors import PlanError

if TYPE_CHECKING:
    from pathlib import Path

    from learnplan_db.model import Change

Kind = Literal["deploy", "revert", "verify"]
REQUIRES = re.compile(r"^-- requires: (\S+)\s*$")


@dataclass(frozen=True, slots=True)
class Scripts:
    """The scripts below ``top_dir``, which holds deploy, revert and verify."""

    top_dir: Path

    def path(self, kind: Kind, change: Change) -> Path:
        """Return the file of a change; an earlier version's is ``name@tag.sql``."""
        return self.top_dir / kind / f"{self._stem(change)}.sql"

    def shown(self, kind: Kind, change: Change) -> str:
        """Return the file as errors name it, such as ``sql/deploy/users.sql``."""
        return str(self.path(kind, change).relative_to(self.top_dir.parent))

    def read(self, kind: Kind, change: Change) -> bytes:
        """Return the bytes of a script. Raises: PlanError: it cannot be read."""
        try:
            return self.path(kind, change).read_bytes()
        except OSError as error:
            where = f"{self.top_dir.name}/sqitch.plan:{change.line}"
            shown = self.shown(kind, change)
            raise PlanError.unreadable_script(
                where, change.name, shown, error
            ) from error

    def script_hash(self, change: Change) -> str | None:
        """Return the SHA-1 of the deploy script's bytes, or None without one."""
        path = self.path("deploy", change)
        if not path.is_file():
            return None
        return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()

    def header_requires(self, change: Change) -> tuple[str, ...]:
        """Return what the comment at the top of the deploy script requires."""
        found = []
        for line in self.read("deploy", change).splitlines():
            if not line.startswith(b"--"):
                break
            if match := REQUIRES.match(line.decode(errors="replace")):
                found.append(match[1])
        return tuple(found)

    def _stem(self, change: Change) -> str:
        if not change.reworked_tags:
            return change.name
        stems = [f"{change.name}@{tag}" for tag in change.reworked_tags]
        deploy = self.top_dir / "deploy"
        return next((s for s in stems if (deploy / f"{s}.sql").exists()), stems[0])
