"""
What checkout asks of git: the branch, its plan, and to switch to it.

Starts git; may import errors; never prints.
Source: Sqitch 1.3.1, checkout; gitrevisions(7).
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from learnplan_db.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Repository:
    """A working tree; ``client`` is git's program, ``directory`` is inside the tree."""

    client: str
    directory: Path

    def branch(self) -> str:
        """Return the name of the branch that is checked out."""
        return self._run("rev-parse", "--abbrev-ref", "HEAD").decode().strip()

    def show(self, branch: str, path: Path) -> bytes:
        """Return a file as a branch has it; path: relative to the directory."""
        return self._run("show", f"{branch}:./{path}")

    def export(self, branch: str, into: Path) -> Path:
        """Write the files of a branch below a directory; return where ours stands."""
        index = {"GIT_INDEX_FILE": str(into / "index")}
        self._run("read-tree", branch, environ=index)
        self._run("checkout-index", "-a", f"--prefix={into}/tree/", environ=index)
        prefix = self._run("rev-parse", "--show-prefix").decode().rstrip("\n")
        return into / "tree" / prefix

    def rehearse(self, branch: str) -> None:
        """Raise what a checkout would fail with, such as files that it would lose."""
        with suppress(ConfigError):  # it fails for each file that was edited
            self._run("update-index", "-q", "--refresh")
        self._run("read-tree", "--dry-run", "-m", "-u", "HEAD", branch)

    def checkout(self, branch: str) -> None:
        """Switch to a branch. Raises: ConfigError: with what git says."""
        self._run("checkout", branch)

    def _run(self, *arguments: str, environ: Mapping[str, str] = NOTHING) -> bytes:
        command = [self.client, *arguments]
        try:
            done = subprocess.run(
                command,
                cwd=self.directory,
                env=os.environ | environ,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise ConfigError.no_git(self.client, error.strerror or "") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise ConfigError.git_said(" ".join(command), said, str(self.directory))
        return done.stdout
