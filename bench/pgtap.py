"""
The access matrix as a good user of pgTAP would write it: a file of SQL for each table.

The world, the personas and the statements are those of our own prover, so that both try
the same; only the judging is pgTAP's. What works is rolled back to a savepoint, since a
test must not see what the one before did; what is refused undoes itself. Pure.
Source: pgTAP 1.2, "A Single Assertion" and "Pursuing Your Query".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING
from uuid import uuid4

from learnplan_db.proof import nouns, situations
from learnplan_db.proof.statements import Wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from learnplan_db.proof.nouns import Cell

SCHEMA = "tap"  # where pgTAP is installed, away from what is tested
SERVICE = nouns.Actor("service")
READS = "select"
RIGHTS = ("truncate", "references", "trigger", "maintain")
FREE = (nouns.ROWS, nouns.HIDDEN)  # outcomes that are no error


@dataclass(frozen=True, slots=True)
class Try:
    """
    One cell: who does what, and what must come of it.

    Args: probe: finds the row of a blind cell, after the statement, if it is marked.
    """

    cell: Cell
    become: str
    statement: str
    probe: str = ""

    @property
    def is_right(self) -> bool:
        """Whether a right is asked for; nothing is done with the table."""
        views = self.cell.table in nouns.VIEWS and self.cell.command != READS
        return self.cell.command in RIGHTS or views

    @property
    def stays(self) -> bool:
        """Whether it changes something that has to be rolled back."""
        works = self.cell.outcome == nouns.ROWS
        return works and self.cell.command != READS and not self.is_right


def tries(cells: Iterable[Cell], wording: Wording) -> list[Try]:
    """Return what is tried, one persona after the other."""
    made = [_try(cell, wording) for cell in cells]
    return sorted(made, key=lambda one: one.become)


def _try(cell: Cell, wording: Wording) -> Try:
    command = situations.command(cell)
    probe, word = "", situations.reached(cell)
    if word is not None and cell.outcome in FREE:
        probe = f"select 1 from learnplan.{cell.table}"
        probe += f" where {wording.where(cell.table, word)}"
        for column, value in command.values.items():
            probe += f" and {column} = {wording.value(cell.table, column, value)}"
    become = wording.become(situations.actor(cell))
    statement = wording.statement(command, situations.world())
    return Try(cell, become, statement, probe)


def quoted(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def acting(become: str) -> str:
    """Return what makes somebody else of us, without a row that is no TAP."""
    return f"do $$ begin perform {become.removeprefix('select ')}; end $$;"


def refusal(cell: Cell) -> str:
    """Return the SQLSTATE and the message of a refusal, as throws_ok takes them."""
    said = None
    if cell.outcome == nouns.BY_POLICY:
        said = f'new row violates row-level security policy for table "{cell.table}"'
    elif cell.outcome != nouns.BY_GRANT:
        return "null, null"  # the matrix does not say which trigger or constraint
    elif cell.command != "execute":
        kind = "view" if cell.table in nouns.VIEWS else "table"
        outside = cell.persona == "anonymous"
        what = "schema learnplan" if outside else f"{kind} {cell.table}"
        said = f"permission denied for {what}"
    return f"'42501', {quoted(said) if said else 'null'}"


def assertion(one: Try) -> str:
    """Return the call of pgTAP that judges one cell."""
    cell, name, query = one.cell, quoted(one.cell.name), quoted(one.statement)
    if one.is_right and cell.persona != "anonymous":
        wanted = "true" if cell.outcome == nouns.ROWS else "false"
        return f"is(({one.statement}), {wanted}, {name})"
    if cell.outcome not in FREE:
        return f"throws_ok({query}, {refusal(cell)}, {name})"
    if cell.stamped:
        return f"results_eq({query}, 'values (true)', {name})"
    if cell.command in {"insert", "execute"}:
        return f"lives_ok({query}, {name})"
    if one.probe:
        query = quoted(one.probe)
    elif cell.command != READS and " returning " not in one.statement:
        query = quoted(f"{one.statement} returning 1")
    gone = bool(one.probe) and cell.command == "delete"
    found = (cell.outcome == nouns.ROWS) != gone
    return f"{'isnt_empty' if found else 'is_empty'}({query}, {name})"


def calls(group: Iterable[Try], wording: Wording) -> Iterator[str]:
    """Yield what one persona tries; a blind statement runs once for all its rows."""
    for (statement, probed), same in groupby(
        group, key=lambda one: (one.statement, bool(one.probe))
    ):
        judged = [(one, f"select {assertion(one)};") for one in same]
        if probed:
            yield f"savepoint tried;\n{statement};\n{acting(wording.become(SERVICE))}"
            yield from (call for _, call in judged)
            yield "rollback to savepoint tried;"
            continue
        for one, call in judged:
            undo = "savepoint tried; {} rollback to savepoint tried;"
            yield undo.format(call) if one.stays else call


def lines(found: Sequence[Try], wording: Wording) -> Iterator[str]:
    """Yield the lines of one file."""
    yield "begin;"
    yield f"set local search_path = {SCHEMA}, pg_catalog;"
    yield f"select plan({len(found)});"
    for row in situations.world().rows:
        yield f"{wording.row(row)};"
    for become, group in groupby(found, key=lambda one: one.become):
        yield acting(become)
        yield from calls(group, wording)
        yield "reset role;"
    yield "select * from finish();"
    yield "rollback;"


def write(
    cells: Iterable[Cell], roles: Mapping[str, str], directory: Path
) -> list[Path]:
    """
    Write a file for each table, and return them in order.

    Each has rows of its own, so that ``pg_prove --jobs`` may run several at once.
    """
    paths = []
    known = list(cells)
    tables = dict.fromkeys(cell.table for cell in known)
    for number, table in enumerate(tables, start=1):
        wording = Wording(uuid4(), roles)
        found = tries((cell for cell in known if cell.table == table), wording)
        path = directory / f"{number:02}_{table}.sql"
        path.write_text("\n".join(lines(found, wording)) + "\n")
        paths.append(path)
    return paths
