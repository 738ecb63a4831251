"""
Copy a project for shipping: its configuration, plan and scripts.

A file is copied unless the copy is newer. A bundle up to a change is a project that
deploys like the whole up to there: the scripts get the names of the plan in it.
May import lower floors; never prints.
Source: Sqitch 1.3.1, held by tests/schema/test_authoring_oracle.py.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from learnplan_db.errors import AuthoringError
from learnplan_db.plans import plan as plans
from learnplan_db.plans import planfile
from learnplan_db.plans.scripts import Scripts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from learnplan_db.model import Change, Target

    Kind = Literal["deploy", "revert", "verify"]

KINDS: tuple[Kind, ...] = ("deploy", "revert", "verify")


@dataclass(frozen=True, slots=True)
class Range:
    """The changes that a bundle is cut to, as a person named them; None for an end."""

    first: str | None = None
    last: str | None = None

    @property
    def told(self) -> str:
        """Return how the range is told: ``from a to @HEAD``."""
        if self.first is None and self.last is None:
            return ""
        return f" from {self.first or '@ROOT'} to {self.last or '@HEAD'}"


@dataclass(frozen=True, slots=True)
class Part:
    """
    What of one target goes into a bundle.

    ``data`` is the plan if it is cut; ``changes`` pairs each change of the plan with
    the same of the plan in the bundle, which may not be reworked any more there.
    """

    target: Target
    told: str
    data: bytes | None
    changes: tuple[tuple[Change, Change], ...]


def part(target: Target, wanted: Range) -> Part:
    """
    Return what a bundle of a target is made of.

    Raises: PlanError: an end of the range is not in the plan. AuthoringError: it
        does not start at the first change, which would give all others other ids.
    """
    file = planfile.read(target)
    plan, data = file.plan, None
    kept = plan
    last = plans.resolve(plan, wanted.last) if wanted.last else None
    first = plans.resolve(plan, wanted.first) if wanted.first else None
    if first and first.index:
        raise AuthoringError.other_ids(f"{plan.source}:{first.line}", first.name)
    if first or last:
        data = planfile.part(file, first, last)
        kept = plans.parse(data, plan.source)
    pairs = tuple(zip(plan.changes, kept.changes, strict=False))
    return Part(target, f"Writing plan{wanted.told}", data, pairs)


def write_config(root: Path, config: Path, destination: Path) -> None:
    """Copy the project's configuration. Raises: AuthoringError: there is none."""
    if not config.is_file():
        raise AuthoringError.nothing_to_copy(os.path.relpath(config, root))
    _copy(config, destination / config.name)


def write_plan(one: Part, destination: Path) -> None:
    """Write the plan, to where the configuration says. Raises: AuthoringError."""
    target = one.target
    path = _inside(destination, target.root, target.plan_file)
    if one.data is None:
        _copy(target.root / target.plan_file, path)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.data)
    except OSError as error:
        raise AuthoringError.not_written(str(path), error) from error


def write_scripts(one: Part, destination: Path) -> Iterator[str]:
    """Copy the scripts, and yield each change. Raises: AuthoringError."""
    scripts = Scripts(one.target)
    for change, kept in one.changes:
        yield change.label
        for kind in KINDS:
            source = scripts.path(kind, change)
            shown = scripts.shown(kind, kept)
            if source.exists():
                _copy(source, _inside(destination, one.target.root, Path(shown)))


def _inside(destination: Path, root: Path, path: Path) -> Path:
    """Return where the copy of a file goes. Raises: AuthoringError: out of there."""
    relative = Path(os.path.relpath(root / path, root))
    if relative.parts[:1] == ("..",):
        raise AuthoringError.outside(str(path))
    return destination / relative


def _copy(source: Path, copy: Path) -> None:
    """Copy a file unless its copy is newer."""
    try:
        if copy.exists() and copy.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            return
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    except OSError as error:
        raise AuthoringError.not_written(str(copy), error) from error
