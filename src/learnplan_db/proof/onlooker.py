"""
What can be asked of a database without writing, on a standby too.

Reads of rows that are really there, compared with what the reference model lets each
caller see; rights, by asking for them; and the privileges of writes, which EXPLAIN
checks without running them. Works in the caller's transaction. May import lower
floors; never writes, never prints.
Source: PostgreSQL, "Hot Standby", "EXPLAIN"; docs/proving.md, "Only reading".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from psycopg.rows import tuple_row

from learnplan_db.errors import ProofError
from learnplan_db.proof import situations
from learnplan_db.proof.grid import PRIVILEGES
from learnplan_db.proof.nouns import (
    BY_GRANT,
    HIDDEN,
    ROWS,
    TABLES,
    Cell,
    Command,
    Observed,
    Outcome,
    Result,
    Unasked,
)
from learnplan_db.proof.pipe import DISTURBED
from learnplan_db.proof.reference import judge
from learnplan_db.proof.statements import SCHEMA, VIEW_KEYS, VIEW_ROWS, Wording
from learnplan_db.proof.trial import Attempt, Trial, outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from learnplan_db.proof.callers import Caller
    from learnplan_db.proof.sample import Sample

    Connection = psycopg.Connection[Any]

WRITES = "it is a write: its privilege is there, what the policies make of it unknown"
CALLS = "it is a call that writes"
GRANTED = "privilege granted"  # what EXPLAIN tells of a write


class Onlooker:
    """
    Asks on a connection whose transaction only reads. ``tried`` counts the questions.

    Args: roles: the database's names of user, anonymous and service; anyone: whether
        anonymous may read resources.
    """

    def __init__(
        self, connection: Connection, roles: Mapping[str, str], *, anyone: bool
    ) -> None:
        self.connection, self.roles, self.anyone = connection, roles, anyone
        self.tried = 0

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """
        Return all rows of a query.

        Raises: psycopg.Error: it is refused; ProofError: it was stopped.
        """
        cursor = psycopg.Cursor(self.connection, row_factory=tuple_row)
        try:
            return cursor.execute(query.encode(), values, prepare=False).fetchall()
        except psycopg.Error as error:
            if error.sqlstate and error.sqlstate.startswith(DISTURBED):
                said, where = error.diag.message_primary, self.connection.info.dbname
                raise ProofError.disturbed(said or "", query, where) from error
            raise

    def become(self, kind: str, claims: str) -> None:
        """Be a caller until the savepoint ends."""
        self.ask(
            "select pg_catalog.set_config('role', %s, true),"
            " pg_catalog.set_config('request.jwt.claims', %s, true)",
            self.roles[kind],
            claims,
        )

    def rights(self, cells: Iterable[Cell]) -> Iterator[Result | Unasked]:
        """Ask about all but reads: rights, calls, and the privileges of writes."""
        trial = Trial(self.connection, Wording(uuid4(), self.roles), situations.world())
        asked: list[tuple[Cell, Attempt]] = []
        for cell in cells:
            if cell.row.startswith("reorder_") and cell.outcome != BY_GRANT:
                yield Unasked(cell, CALLS)
                continue
            attempt = trial.attempt(situations.actor(cell), situations.command(cell))
            if _writes(cell):
                attempt = replace(attempt, statement=f"explain {attempt.statement}")
            asked.append((cell, attempt))
        observed = trial.each(attempt for _, attempt in asked)
        for (cell, _), got in zip(asked, observed, strict=True):
            self.tried += 1
            actor, command = situations.actor(cell), situations.command(cell)
            model, _ = judge(
                trial.world, actor, command, anon_reads_resources=self.anyone
            )
            if not _writes(cell) or got.outcome.kind != HIDDEN:
                yield Result(cell, model, got)
            elif BY_GRANT in {cell.outcome, model.kind}:
                yield Result(cell, model, replace(got, outcome=Outcome(GRANTED)))
            else:
                yield Unasked(cell, WRITES)

    def reads(
        self, sample: Sample, caller: Caller, tables: Iterable[str]
    ) -> Iterator[tuple[str, Outcome, Observed]]:
        """Yield by table what a caller must see of the sample, and what it sees."""
        for table in tables:
            command = Command("select", table)
            kept = sample.world.of(VIEW_ROWS.get(table, table))
            model, _ = judge(
                sample.world, caller.actor, command, anon_reads_resources=self.anyone
            )
            if caller.refused:
                if not kept:  # nothing, for which the claims would be read
                    continue
                model = Outcome(caller.refused)
            self.tried += 1
            yield table, model, self._seen(sample, caller, table, list(kept))

    def _seen(
        self, sample: Sample, caller: Caller, table: str, ids: list[str]
    ) -> Observed:
        key = VIEW_KEYS.get(table, "id")
        query = f"select {key} from {SCHEMA}.{table}"
        # All of a small table: so that a row which nobody knows of is noticed too.
        few = not sample.all_of(table)
        shown = f"{query} where {key} = any ({len(ids)} ids)" if few else query
        try:
            with self.connection.transaction(force_rollback=True):
                self.become(caller.actor.kind, caller.claims)
                if few:
                    rows = self.ask(f"{query} where {key} = any (%s::uuid[])", ids)
                else:
                    rows = self.ask(query)
        except psycopg.Error as error:
            text = error.diag.message_primary or str(error)
            return Observed(
                Outcome(outcome_of(error.sqlstate or "", text)), shown, text
            )
        found = frozenset(str(row[0]) for row in rows)
        return Observed(Outcome(ROWS if found else HIDDEN, found), shown)

    def taken_for(self, caller: Caller) -> tuple[str, str]:
        """Return whom the database must take a caller for, and whom it does."""
        self.tried += 1
        query = f"select {SCHEMA}.current_user_id()::pg_catalog.text"
        wanted = caller.refused or caller.user or "nobody"
        try:
            with self.connection.transaction(force_rollback=True):
                self.become(caller.actor.kind, caller.claims)
                found = self.ask(query)[0][0]
        except psycopg.Error as error:
            return wanted, outcome_of(error.sqlstate or "", str(error))
        return wanted, found or "nobody"


def _writes(cell: Cell) -> bool:
    """Tell whether a cell is about rows of a table that are written."""
    rights = (*PRIVILEGES, "execute", "select")
    return cell.table in TABLES and cell.command not in rights
