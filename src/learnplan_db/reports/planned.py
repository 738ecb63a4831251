"""
Changes of a plan, searched and shown as the items that formats write.

May import lower floors; opens nothing, never prints.
Source: Sqitch 1.3.1, plan.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnplan_db.errors import ReportError
from learnplan_db.model import Item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.model import Change, Plan


@dataclass(frozen=True, slots=True)
class Search:
    """
    Which changes to show: all of what is given must hold.

    ``event`` is deploy, revert or empty; ``change`` and ``planner`` are regular
    expressions. As in Sqitch, ``skip`` and ``limit`` (0 is none) choose a stretch of
    the plan first, and the rest chooses within it.
    """

    event: str = ""
    change: str | None = None
    planner: str | None = None
    limit: int = 0
    skip: int = 0
    reverse: bool = False


def _pattern(option: str, value: str | None) -> re.Pattern[str]:
    try:
        return re.compile(value or "")
    except re.error as error:
        raise ReportError.bad_pattern(option, str(value), str(error)) from error


def event(change: Change) -> str:
    """Return what the plan's line does: deploy, or revert where it starts with -."""
    return "revert" if change.operator == "-" else "deploy"


def search(plan: Plan, asked: Search) -> Iterator[Item]:
    """
    Yield what a search finds, in plan order unless reversed.

    Raises: ReportError: a pattern is no regular expression.
    """
    name, planner = (
        _pattern("--change", asked.change),
        _pattern("--planner", asked.planner),
    )
    changes = plan.changes[::-1] if asked.reverse else plan.changes
    end = asked.skip + asked.limit if asked.limit else None
    for change in changes[asked.skip : end]:
        if (
            asked.event in {"", event(change)}
            and name.search(change.name)
            and planner.search(change.planner.name)
        ):
            yield item(plan, change)


def item(plan: Plan, change: Change) -> Item:
    """Return a change as formats write it."""
    return Item(
        event=event(change),
        project=plan.project,
        change_id=change.id,
        change=change.name,
        note=change.note,
        requires=change.requires,
        conflicts=change.conflicts,
        tags=tuple(f"@{tag.name}" for tag in change.tags),
        planned_at=change.planned_at,
        planner=change.planner,
    )
