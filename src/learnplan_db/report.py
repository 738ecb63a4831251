"""
What the commands say, as text: tables, lists, and the forms that Sqitch's users know.

May import lower floors; returns strings, never prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnplan_db.access import COMMANDS, PERSONAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from learnplan_db.access import Attempt
    from learnplan_db.model import Change, Plan

LETTERS = dict(zip(COMMANDS, "SIUD", strict=True))


def moment(when: datetime) -> str:
    """Return a time as Sqitch prints it: ``2026-11-23 09:39:49 +0000``."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return columns padded to the widest cell."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def access(attempts: Sequence[Attempt]) -> str:
    """Return the table of who may do what: S, I, U, D where it worked, else a dash."""
    worked = {
        (a.table, a.on, a.persona, a.command)
        for a in attempts
        if a.outcome == "rows"
    }
    rows = []
    for name, on in dict.fromkeys((a.table, a.on) for a in attempts):
        cells = [
            "".join(
                LETTERS[command] if (name, on, persona, command) in worked else "-"
                for command in COMMANDS
            )
            for persona in PERSONAS
        ]
        rows.append([name, on, *cells])
    return table(["table", "plan is", *PERSONAS], rows)


def plan(source: Plan) -> str:
    """Return the plan as ``sqitch plan`` prints it."""
    parts = [f"# Project: {source.project}\n# File:    {source.source}\n"]
    parts.extend(_planned(change) for change in source.changes)
    return "\n".join(parts)


def _planned(change: Change) -> str:
    tags = "".join(f"@{tag.name}, " for tag in change.tags).removesuffix(", ")
    head = f"Deploy {change.id}" + (f" ({tags})" if tags else "")
    note = "\n".join(f"    {line}" for line in change.note.split("\n"))
    return (
        f"{head}\nName:      {change.name}\nPlanner:   {change.planner}\n"
        f"Date:      {moment(change.planned_at)}\n\n{note}\n"
    )


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
