"""
What happens while a command works, as machines read it: one JSON object a line.

docs/terminal.md lists the keys. May import lower floors; returns data, never prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learnplan_db.engine.progress import Progress

NOTICES = {"comment", "notice", "output", "vent", "verify-output"}
# Whose label is a change's, or a tag's.
CHANGES = {
    *("deploy", "revert", "verify", "not-deployed", "losing", "deploying", "reverting"),
    *("taking-back", "up-to-date", "nothing-to-revert", "warning"),
}
TYPES = {"warning": "warning", "losing": "warning", "failed": "error"}
REPEATED = {"still-waiting"}  # for a line that changes; a machine has been told


def event(step: Progress) -> tuple[str, dict[str, Any]]:
    """Return the type of an event, and what is known of it."""
    kind = TYPES.get(step.action, "notice" if step.action in NOTICES else "progress")
    if step.error:
        return kind, step.error.as_json()
    told: dict[str, Any] = {"action": step.action}
    if step.label:
        told["change" if step.action in CHANGES else "name"] = step.label
    if step.state:
        told["state"] = step.state
    if step.seconds:
        told["seconds"] = round(step.seconds, 3)
    if step.count:
        told["count"] = step.count
    if step.detail:
        told["message"] = step.detail.removesuffix("\n")
    if loss := step.loss:
        told |= {"object": loss.what, "rows": loss.rows, "message": loss.words}
    return kind, told
