"""
Which cells the access matrix has: commands, kinds of row and personas of each table.

May import the nouns alone; reads nothing.
Source: docs/access.md, "Kinds of row".
"""

from __future__ import annotations

from learnplan_db.proof.nouns import PERSONAS, VIEWS

FUNCTIONS = "functions"
PRIVILEGES = ("truncate", "references", "trigger", "maintain")
WRITES = ("insert", "update", "delete")
BY_COLUMN = ("insert", "update")
_PLAN = ("private", "public")
_MOVES = ("take-private", "take-public", "give-private", "give-public")
_PROGRESS = ("private", "public", "reading", "turned-private")


def kinds(table: str) -> dict[str, tuple[str, ...]]:
    """Return the kinds of row by command; none for a right on the whole table."""
    if table == FUNCTIONS:
        return {"execute": ()}
    rights: dict[str, tuple[str, ...]] = dict.fromkeys(PRIVILEGES, ("",))
    if table in VIEWS:
        return {"select": _PLAN, **dict.fromkeys(WRITES, ("",)), **rights}
    special: dict[str, tuple[str, ...]] = {"task_progress": _PROGRESS}
    special |= {"users": ("profile",), "resources": ("catalog",)}
    rows = special.get(table, _PLAN)
    found: dict[str, tuple[str, ...]] = dict.fromkeys(("select", *WRITES), rows)
    if table == "users":
        found["insert"] = ("verified", "unverified")
    elif table == "task_progress":
        found["move"] = ("another-task", "another-user")
    elif table != "resources":
        found["move"] = _MOVES
    return found | rights


def personas(table: str) -> tuple[str, ...]:
    """Return who is asked about a table; only progress has readers."""
    return tuple(p for p in PERSONAS if p != "reader" or table == "task_progress")
