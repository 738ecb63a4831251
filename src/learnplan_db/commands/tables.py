"""
What the commands that Sqitch lacks say: tables, lists, and JSON.

May import lower floors; returns strings, never prints.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from learnplan_db.proof.nouns import PERSONAS, ROWS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from learnplan_db.proof.nouns import Result
    from learnplan_db.server.embedded import ServerStatus

LETTERS = {"select": "S", "insert": "I", "update": "U", "delete": "D"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return columns padded to the widest cell."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def access(results: Sequence[Result]) -> str:
    """Return the table of who may do what: S, I, U, D where it worked, else a dash."""
    cells = [result.cell for result in results if result.cell.command in LETTERS]
    worked = {
        (r.cell.table, r.cell.row, r.cell.persona, r.cell.command)
        for r in results
        if r.got.outcome.kind == ROWS
    }
    personas = [p for p in PERSONAS if any(cell.persona == p for cell in cells)]
    known = {(cell.table, cell.row, cell.persona) for cell in cells}
    kinds = dict.fromkeys(
        (cell.table, cell.row) for cell in cells if " " not in cell.row and cell.row
    )
    rows = [
        [
            name,
            kind,
            *(
                _letters(name, kind, persona, worked)
                if (name, kind, persona) in known
                else ""
                for persona in personas
            ),
        ]
        for name, kind in kinds
    ]
    return table(["table", "row", *personas], rows)


def _letters(
    name: str, kind: str, persona: str, worked: Collection[tuple[str, ...]]
) -> str:
    return "".join(
        letter if (name, kind, persona, command) in worked else "-"
        for command, letter in LETTERS.items()
    )


LEGEND = (
    "S select  I insert  U update  D delete  - refused or no row; each was tried.\n"
    "A row is the owner's; what the words mean: policies/<table>.matrix.toml."
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
