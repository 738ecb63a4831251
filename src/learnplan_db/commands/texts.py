"""
What commands say of tags and of a verify: summaries, and JSON.

May import lower floors for types alone; returns strings, never prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learnplan_db.engine.verification import Verification
    from learnplan_db.model import Change, Tag


def tag_json(change: Change, tag: Tag) -> dict[str, Any]:
    """Return a tag and the change that it is on as JSON holds them."""
    return {
        "tag_id": tag.id,
        "name": tag.name,
        "note": tag.note,
        "change": change.name,
        "change_id": change.id,
        "planned_at": tag.planned_at.isoformat(),
        "planner": str(tag.planner),
    }


NOTHING_TO_VERIFY = "Nothing to verify (no planned or deployed changes)"
NOTHING_TO_CHECK = "Nothing to check (no planned or deployed changes)"


def verification(found: Verification) -> str:
    """Return the summary of a verify that failed, as Sqitch prints it."""
    title = "Verify Summary Report"
    return (
        f"\n{title}\n{'-' * len(title)}\nChanges: {found.total}\n"
        f"Errors:  {len(found.failures)}"
    )


def verification_json(found: Verification) -> dict[str, Any]:
    """Return what verify found as JSON holds it."""
    return {
        "checked": found.checked,
        "failures": [{"change": n, "error": str(e)} for n, e in found.failures],
        "pending": [change.name for change in found.pending],
    }
