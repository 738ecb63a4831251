"""Sqitch loaded once, and directories of which it and we have a copy each."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from learnplan_db.cli import cli
from warm import warm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from warm import Warm

PLAN = """%syntax-version=1.0.0
%project=flip
%uri=https://Example.com

users 2020-01-01T00:00:00Z Ann <ann@example.org> # first
@v1 2020-01-01T00:00:00Z Ann <ann@example.org> # tag
lists 2020-01-02T00:00:00Z Ann <ann@example.org> # second
"""
CONF = """# kept
[core]
	engine = pg ; kept too
	top_dir = .
[target "dev"]
	uri = db:pg://u:pw@h/d
	registry = r2
[target "dev.variables"]
	Foo = 1
	barbar = x y
[engine "pg"]
	target = dev
[multi]
	k = 1
	k = 2

"""
PROJECT = {"sqitch.conf": CONF, "sqitch.plan": PLAN}


@pytest.fixture(scope="session")
def oracle(sqitch: str) -> Iterator[Warm]:
    """Provide the real Sqitch, warm: to be run, or asked for what sqitch.pl lists."""
    with warm("sqitch", sqitch) as found:
        yield found


class Side:
    """One tool's copy of a directory, with a home of its own."""

    def __init__(self, place: Path, files: Mapping[str, str]) -> None:
        self.directory = place / "project"
        self.environment = {
            "HOME": str(place / "home"),
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "PGHOST": "/nowhere",
            "SQITCH_SYSTEM_CONFIG": str(place / "system.conf"),
        }
        (place / "home").mkdir(parents=True)
        self.directory.mkdir()
        for name, text in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def tree(self) -> dict[str, str | None]:
        """Return all files with what is in them, and all directories."""
        top = self.directory.parent
        found = [*self.directory.rglob("*"), *(top / "home").rglob("*")]
        return {
            str(path.relative_to(top)): path.read_text() if path.is_file() else None
            for path in found
        }


class Pair:
    """A directory of which both tools have a copy."""

    def __init__(self, oracle: Warm, place: Path, files: Mapping[str, str]) -> None:
        self.oracle = oracle
        self.ours = Side(place / "ours", files)
        self.theirs = Side(place / "theirs", files)

    def theirs_run(self, *words: str, **more: str) -> tuple[str, str, int]:
        """Run Sqitch: standard output, standard error, exit code."""
        environment = self.theirs.environment | more
        done = self.oracle.run(self.theirs.directory, environment, *words)
        return done.out, done.err, done.code

    def ours_run(self, *words: str, **more: str) -> tuple[str, str, int]:
        """Run learnplan-db: standard output, standard error, exit code."""
        environment = self.ours.environment | more
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, environment, clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as left,
        ):
            cli(["-C", str(self.ours.directory), *words], prog_name="learnplan-db")
        return out.getvalue(), err.getvalue(), int(left.value.code or 0)
