"""
What the commands say, as text: tables, lists, and the forms that Sqitch's users know.

May import lower floors; returns strings, never prints.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from learnplan_db.access import COMMANDS, PERSONAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from learnplan_db.access import Attempt
    from learnplan_db.embedded import ServerStatus
    from learnplan_db.model import Change, Plan
    from learnplan_db.state import Status

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
        (a.table, a.on, a.persona, a.command) for a in attempts if a.outcome == "rows"
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


LEGEND = (
    "S select  I insert  U update  D delete  - refused or no row; each was tried.\n"
    "The row is the owner's; insert is tried for oneself. Progress is everyone's own."
)


def status(found: Status, target: str) -> str:
    """Return the status as ``sqitch status`` prints it."""
    lines = [f"# On database {target}"]
    if not found.applied:
        if found.other_projects:
            others = ", ".join(found.other_projects)
            lines.append(f"# Other projects here: {others}")
        return "\n".join([*lines, "No changes deployed"])
    newest = found.applied[-1]
    lines += [
        f"# Project:  {found.project}",
        f"# Change:   {newest.change_id}",
        f"# Name:     {newest.name}",
    ]
    if newest.tags:
        word = "Tags:     " if len(newest.tags) > 1 else "Tag:      "
        lines.append(f"# {word}{', '.join(sorted(newest.tags))}")
    lines += [
        f"# Deployed: {moment(newest.committed_at)}",
        f"# By:       {newest.committer}",
        "# ",
    ]
    if not found.pending:
        return "\n".join([*lines, "Nothing to deploy (up-to-date)"])
    lines.append(
        "Undeployed changes:" if len(found.pending) > 1 else "Undeployed change:"
    )
    return "\n".join([*lines, *(f"  * {change.label}" for change in found.pending)])


def status_json(found: Status) -> dict[str, Any]:
    """Return the status as JSON holds it."""
    return {
        "project": found.project,
        "up_to_date": bool(found.applied) and not found.pending,
        "deployed": [
            {
                "change_id": one.change_id,
                "name": one.name,
                "tags": list(one.tags),
                "committed_at": one.committed_at.isoformat(),
                "committer": one.committer,
            }
            for one in found.applied
        ],
        "pending": [change_json(change) for change in found.pending],
        "other_projects": list(found.other_projects),
    }


def log(events: Sequence[dict[str, Any]], target: str) -> str:
    """Return the events as ``sqitch log`` prints them."""
    if not events:
        return f"No events logged for {target}"
    parts = [f"On database {target}"]
    for event in events:
        tags = f" ({', '.join(event['tags'])})" if event["tags"] else ""
        note = "\n".join(f"    {line}" for line in event["note"].split("\n"))
        parts.append(
            f"{event['event'].title()} {event['change_id']}{tags}\n"
            f"Name:      {event['change']}\nCommitter: {event['committer']}\n"
            f"Date:      {moment(event['committed_at'])}\n\n{note}\n"
        )
    return "\n".join(parts)


def server(state: ServerStatus) -> str:
    """Return the state of the embedded server."""
    if not state.running:
        return f"not running; data in {state.data}"
    return (
        f"PostgreSQL {state.version} runs, pid {state.pid}\n"
        f"data    {state.data}\nconnect {state.dsn}"
    )


def server_json(state: ServerStatus) -> dict[str, Any]:
    """Return the state of the embedded server as JSON holds it."""
    return asdict(state)


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """Return one attempt as JSON holds it."""
    return asdict(attempt)


def demo(
    state: ServerStatus, deployed: int, verified: int, rows: dict[str, int]
) -> str:
    """Return what the demo did, above its table."""
    did = f"deployed {deployed} changes" if deployed else "already up to date"
    sample = ", ".join(f"{count} {name}" for name, count in rows.items())
    return (
        f"PostgreSQL {state.version} on {state.socket}\n"
        f"{did.capitalize()}; verified {verified}\nSample: {sample}\n"
    )
