"""
What the commands that Sqitch lacks say: tables, lists, and JSON.

May import lower floors; returns strings, never prints.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from learnplan_db.security.access import COMMANDS, PERSONAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from learnplan_db.security.access import Attempt
    from learnplan_db.server.embedded import ServerStatus

LETTERS = dict(zip(COMMANDS, "SIUD", strict=True))


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


LEGEND = (
    "S select  I insert  U update  D delete  - refused or no row; each was tried.\n"
    "The row is the owner's; insert is tried for oneself. Progress is everyone's own."
)


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
