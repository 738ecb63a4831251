"""
What a write leaves behind, where an outcome only says that it worked.

What was given is stored, the rest of the row stays or is stamped, and no other row is
touched. Columns that the matrix does not know are the host's own business. Works in
the caller's transaction and takes back what it does. May import lower floors; never
prints.
Source: design §§ 4 and 6.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from learnplan_db.proof import situations
from learnplan_db.proof.looks import SERVICE, Look, Surprise
from learnplan_db.proof.nouns import ROWS, TABLES
from learnplan_db.proof.reference import judge
from learnplan_db.proof.statements import SCHEMA
from learnplan_db.proof.trial import OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from learnplan_db.proof.looks import Connection
    from learnplan_db.proof.nouns import Actor, Cell, Command, Outcome, World
    from learnplan_db.proof.statements import Wording

    Key = tuple[str, str]
    Values = Mapping[str, Any]
    Rows = dict[Key, Values]

WRITES = ("insert", "update", "move", "delete")
COMPLETED = "completed"
# A host may let a change below move this one; only the row that is written must.
TOUCHED = "updated_at"


class Play(NamedTuple):
    """A write that must work, what the model says of it, and of the rows after it."""

    actor: Actor
    command: Command
    outcome: Outcome
    left: set[Key]


class Leftovers(Look):
    """
    Looks at the rows of a world before and after each write that must work.

    Args: cells: those of the access matrix; world: theirs.
    """

    def __init__(
        self,
        connection: Connection,
        wording: Wording,
        cells: Sequence[Cell],
        world: World,
    ) -> None:
        super().__init__(connection, wording)
        self.cells, self.world = cells, world
        self._words = {
            str(wording.id(row.table, row.id)): (row.table, row.id)
            for row in world.rows
        }
        self._seen: dict[str, Values] = {}
        self._known: dict[str, set[str]] = {table: {"id"} for table in TABLES}
        for cell in cells:
            if cell.table in self._known:
                self._known[cell.table].add(cell.column)

    def writes(self) -> Iterator[Surprise]:
        """Yield the cells whose write leaves something else behind than it must."""
        with self.aside():
            before = self._rows("")
        for cell in self.cells:
            writes = cell.command in WRITES and cell.table in TABLES
            if not writes or not self.about(cell.table):
                continue
            actor, command = situations.actor(cell), situations.command(cell)
            outcome, after = judge(self.world, actor, command)
            if outcome.kind != ROWS:
                continue
            self.tried += 1
            left = {(row.table, row.id) for row in after.rows}
            statement = self._telling(command)
            play = Play(actor, command, outcome, left)
            if wrong := self._wrong(before, play, statement):
                yield Surprise(
                    name=f"{cell.name}: what it leaves behind",
                    rule=cell.because,
                    where=cell.where,
                    kind=actor.kind,
                    user=actor.user or "",
                    table=cell.table,
                    verb=command.verb,
                    did=statement,
                    expected="what was given is stored, and no other row is touched",
                    got="; ".join(wrong[:3]),
                )

    def _telling(self, command: Command) -> str:
        """Return a write that returns its row, and which columns kept what they got."""
        plain = self.wording.statement(command, self.world).partition(" returning ")[0]
        kept = ", ".join(
            f"{quoted(column)} is not distinct from"
            f" {self.wording.value(command.table, column, value)}"
            for column, value in command.values.items()
        )
        told = f"pg_catalog.to_jsonb({command.table}), array[{kept}]::boolean[]"
        return f"{plain} returning {told}"

    def _rows(self, new: str) -> Rows:
        """Return the rows of the world, and a new one, as the service reads them."""
        of: dict[str, list[str]] = {table: [new] if new else [] for table in TABLES}
        for row_id, (table, _) in self._words.items():
            of[table].append(row_id)
        every = " union all ".join(
            f"select '{table}', id::text, pg_catalog.to_jsonb(t)::text from"
            f" {SCHEMA}.{table} as t where id = any ('{{{','.join(ids)}}}'::uuid[])"
            for table, ids in of.items()
        )
        return {
            self._words.get(row_id, (table, OTHERS)): self._read(table, row)
            for table, row_id, row in self.ask(
                f"{self.wording.become(SERVICE)};\n{every}"
            )
        }

    def _read(self, table: str, text: str) -> Values:
        """Return a row from JSON; most rows are the same each time."""
        if text not in self._seen:
            self._seen[text] = self._ours(table, json.loads(text))
        return self._seen[text]

    def _ours(self, table: str, row: Values) -> Values:
        return {k: v for k, v in row.items() if k in self._known[table]}

    def _wrong(self, before: Rows, play: Play, statement: str) -> list[str]:
        """Return what is wrong after a write."""
        command = play.command
        try:
            with self.aside():
                told = self.ask(f"{self.wording.become(play.actor)};\n{statement}")
                new = str(told[0][0]["id"]) if told else ""
                after = self._rows(new)
        except psycopg.Error as error:
            return [f"with RETURNING: {error.diag.message_primary or error}"]
        if len(told) != 1:
            return [f"{len(told)} rows are returned"]
        own = (command.table, str(command.row))
        final = after.pop(own, None) or after.pop((command.table, OTHERS), None)
        wrong = _others(before, after, own, play.left)
        if command.verb == "delete":
            return wrong + (["the row is still there"] if final else [])
        row, kept = self._ours(command.table, told[0][0]), told[0][1]
        if final is None or _frozen(final) != _frozen(row):
            wrong.append("the row is not the one that was returned")
        given = dict(zip(command.values, kept, strict=True))
        return wrong + self._row(row, before.get(own), given, play.outcome)

    def _row(
        self,
        row: Values,
        old: Values | None,
        given: Mapping[str, bool],
        outcome: Outcome,
    ) -> list[str]:
        """Return what is wrong with a row that was written."""
        kept = {name for name in given if name not in outcome.stamped}
        wrong = [f"{name} is not what was given" for name in kept if not given[name]]
        wanted = {} if old is None else dict(old)
        for name in (TOUCHED, *(() if old else ("created_at",))):
            if name in row:
                wanted[name] = self.now
        if "completed_at" in row:
            first = old and old["completed_at"]
            done = row["status"] == COMPLETED
            wanted["completed_at"] = (first or self.now) if done else None
        return wrong + [
            f"{name} is {row.get(name)} instead of {value}"
            for name, value in wanted.items()
            if name not in kept and row.get(name) != value
        ]


def _others(before: Rows, after: Rows, own: Key, left: set[Key]) -> list[str]:
    """Return which other rows changed, are gone, or are there and must not be."""
    wrong = [
        f"{table} {word} {'changed' if (table, word) in after else 'is gone'}"
        for (table, word), old in before.items()
        if (table, word) != own
        and (table, word) in left
        and (new := after.get((table, word), {})) is not old
        and _frozen(new) != _frozen(old)
    ]
    return wrong + [f"{t} {w} is still there" for t, w in after if (t, w) not in left]


def _frozen(row: Values) -> Values:
    return {name: value for name, value in row.items() if name != TOUCHED}


def quoted(column: str) -> str:
    """Return a column's name as SQL."""
    return '"order"' if column == "order" else column
