"""
Where a database stands, beside its plan, as text and as JSON holds it.

May import lower floors; returns text and data, never prints.
Source: Sqitch 1.3.1, status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnplan_db.reports import dates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnplan_db.model import Change, Deployed, Item, Plan


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What is deployed of a project, newest first, and the plan if it is this project's.

    ``changes`` and ``tags`` are None where they were not asked for.
    """

    project: str
    newest: Deployed
    plan: Plan | None
    changes: Sequence[Deployed] | None = None
    tags: Sequence[Deployed] | None = None

    def pending(self) -> tuple[Change, ...] | None:
        """Return what is not deployed; None if the newest change is not planned."""
        planned = self.plan.changes if self.plan else ()
        for change in planned:
            if change.id == self.newest.id:
                return planned[change.index + 1 :]
        return None


def comments(standing: Standing, date_format: str) -> list[str]:
    """Return the lines of comment that say what is deployed."""
    newest = standing.newest
    lines = [
        f"Project:  {standing.project}",
        f"Change:   {newest.id}",
        f"Name:     {newest.name}",
    ]
    if newest.tags:
        word = "Tags:     " if len(newest.tags) > 1 else "Tag:      "
        lines.append(word + ", ".join(newest.tags))
    lines += [
        f"Deployed: {dates.text(newest.committed_at, date_format)}",
        f"By:       {newest.committer}",
    ]
    if standing.changes is not None:
        lines += ["", *_listed("Change", standing.changes, date_format)]
    if standing.tags is not None:
        lines += ["", *_listed("Tag", standing.tags, date_format)]
    return [*lines, ""]


def _listed(word: str, found: Sequence[Deployed], date_format: str) -> list[str]:
    if not found:
        return [f"{word}s: None."]
    width = max(len(one.name) for one in found)
    return [
        f"{word}:" if len(found) == 1 else f"{word}s:",
        *(
            f"  {one.name:<{width}} - {dates.text(one.committed_at, date_format)}"
            f" - {one.committer}"
            for one in found
        ),
    ]


def conclusion(standing: Standing) -> list[str]:
    """Return the lines that say what is to be done; none if the plans disagree."""
    if not standing.plan:
        return [
            f'Status unknown. Use --plan-file to assess "{standing.project}" status'
        ]
    pending = standing.pending()
    if pending is None:
        return []
    if not pending:
        return ["Nothing to deploy (up-to-date)"]
    head = "Undeployed change:" if len(pending) == 1 else "Undeployed changes:"
    return [head, *(f"  * {change.label}" for change in pending)]


def change_json(change: Change) -> dict[str, Any]:
    """Return a planned change as JSON holds it."""
    return {
        "change_id": change.id,
        "name": change.name,
        "note": change.note,
        "requires": list(change.requires),
        "conflicts": list(change.conflicts),
        "tags": [tag.name for tag in change.tags],
        "planned_at": change.planned_at.isoformat(),
        "planner": str(change.planner),
    }


def event_json(item: Item) -> dict[str, Any]:
    """Return an event as JSON holds it."""
    return {
        "event": item.event,
        "project": item.project,
        "change_id": item.change_id,
        "change": item.change,
        "note": item.note,
        "tags": list(item.tags),
        "requires": list(item.requires),
        "conflicts": list(item.conflicts),
        "committed_at": str(item.committed_at),
        "committer": str(item.committer),
        "planned_at": str(item.planned_at),
        "planner": str(item.planner),
    }


def status_json(
    project: str,
    changes: Sequence[Deployed],
    pending: Sequence[Change],
    others: Sequence[str],
) -> dict[str, Any]:
    """Return the status as JSON holds it; changes: deployed, newest first."""
    return {
        "project": project,
        "up_to_date": bool(changes) and not pending,
        "deployed": [
            {
                "change_id": one.id,
                "name": one.name,
                "tags": list(one.tags),
                "committed_at": one.committed_at.isoformat(),
                "committer": str(one.committer),
            }
            for one in reversed(changes)
        ],
        "pending": [change_json(change) for change in pending],
        "other_projects": list(others),
    }
