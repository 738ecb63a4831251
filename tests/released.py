"""
What has been released stays as it is: hashes of each release, and what differs now.

``sql/released/TAG.sha256`` holds what the release added, as sha256sum prints it, and the
hash of the plan up to the tag in a comment. A script that was reworked since is looked
for under the name that the rework gave it.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from learnplan_db.engine import state
from learnplan_db.plans.scripts import Scripts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from learnplan_db.model import Change, Plan

KINDS = ("deploy", "revert", "verify")
WRITE = "LEARNPLAN_RELEASE=1 ./dev test tests/unit/test_released.py"
_PLAN = "# the plan up to the tag: "
_LINE = re.compile(r"([0-9a-f]{64})  (sql/(deploy|revert|verify)/(.+)\.sql)")


def releases(plan: Plan) -> Iterator[tuple[str, tuple[Change, ...]]]:
    """Yield each tag with the changes that it releases; of several, the first has all."""
    start = 0
    for change in plan.changes:
        for tag in change.tags:
            yield tag.name, plan.changes[start : change.index + 1]
            start = change.index + 1


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _plan_to(root: Path, tag: str) -> bytes:
    """Return the plan up to the line of a tag."""
    text = (root / "sql" / "sqitch.plan").read_bytes()
    line = re.search(rb"^@" + re.escape(tag.encode()) + rb"\s.*\n", text, re.MULTILINE)
    assert line, tag
    return text[: line.end()]


def write(root: Path) -> list[str]:
    """Write the hashes of each release that has none yet; return their tags."""
    scripts, plan = Scripts(state.load(root).target), state.load(root).plan
    written = []
    for tag, changes in releases(plan):
        path = root / "sql" / "released" / f"{tag}.sha256"
        if path.exists():
            continue
        lines = [_PLAN + _hash(_plan_to(root, tag))]
        for change in changes:
            for kind in KINDS:
                shown = f"sql/{kind}/{change.name}.sql"
                lines.append(f"{_hash(scripts.read(kind, change))}  {shown}")
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        written.append(tag)
    return written


def faults(root: Path) -> list[str]:
    """Return what is not as it was released, each with what to do."""
    plan, found = state.load(root).plan, []
    folder = root / "sql" / "released"
    tags = dict(releases(plan))
    for path in sorted(folder.glob("*")):
        if path.stem not in tags or path.suffix != ".sha256":
            found += [f"{path.name}: the plan has no such tag; put the tag back"]
    for tag, changes in tags.items():
        path = folder / f"{tag}.sha256"
        if not path.exists():
            found.append(f"@{tag} has no {path.relative_to(root)}; write it: {WRITE}")
            continue
        head, *lines = path.read_text().splitlines()
        if head != _PLAN + _hash(_plan_to(root, tag)):
            found.append(f"sql/sqitch.plan: changed before @{tag}; put it back")
        found += _changed(root, tag, changes, lines)
    return found


def _changed(
    root: Path, tag: str, changes: tuple[Change, ...], lines: list[str]
) -> Iterator[str]:
    """Yield which scripts of one release differ, are gone, or are not listed."""
    scripts = Scripts(state.load(root).target)
    missing = {(kind, one.name): one for one in changes for kind in KINDS}
    for line in lines:
        match = _LINE.fullmatch(line)
        change = missing.pop((match[3], match[4]), None) if match else None
        if match is None or change is None:
            yield f"{tag}.sha256: not a script of this release: {line}"
            continue
        path = scripts.path(match[3], change)  # type: ignore[arg-type]
        shown = path.relative_to(root)
        if not path.exists():
            yield f"{shown}: released in @{tag} and gone; put it back"
        elif _hash(path.read_bytes()) != match[1]:
            yield (
                f"{shown}: released in @{tag} and changed; put it back, then: "
                f"learnplan-db -C . rework {change.name}"
            )
    for kind, name in missing:
        yield f"{tag}.sha256: sql/{kind}/{name}.sql is not listed; put the file back"
