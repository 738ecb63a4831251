"""
What everybody saw of rows that are really there, sorted into the cells of the matrix.

May import lower floors; pure, never connects.
Source: docs/access.md, "Kinds of row".
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from learnplan_db.proof.nouns import (
    HIDDEN,
    ROWS,
    Cell,
    Command,
    Finding,
    Observed,
    Outcome,
    Result,
    Row,
    Unasked,
)
from learnplan_db.proof.reference import identity, plan_of
from learnplan_db.proof.statements import VIEW_ROWS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from learnplan_db.proof.callers import Caller
    from learnplan_db.proof.findings import Facts
    from learnplan_db.proof.sample import Sample

NO_ROW = "no row of this kind was read, or nobody of this kind is there to see it"
WITNESS = "the service is who tells which rows there are"
SHOWN = 3  # ids that a finding names


class Gallery:
    """
    What everybody saw of a sample, sorted into the cells of the matrix.

    Args: facts: what findings show; sample: the rows that were looked at.
    """

    def __init__(self, facts: Facts, sample: Sample) -> None:
        self.facts, self.sample = facts, sample
        self.seen: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
        self.differ: list[tuple[Caller, str, Outcome, Observed]] = []
        self._cells = {
            (c.table, c.persona, c.row): c for c in facts.cells if c.command == "select"
        }

    def hang(self, caller: Caller, table: str, model: Outcome, got: Observed) -> None:
        """Take what a caller saw of a table."""
        if (model.kind, model.rows) != (got.outcome.kind, got.outcome.rows):
            self.differ.append((caller, table, model, got))
        for row in self.sample.world.of(VIEW_ROWS.get(table, table)).values():
            if not self._known(row):
                continue
            for persona, kind in self._places(caller, table, row):
                cell = self._cells[table, persona, kind]
                one = replace(got, outcome=_of(got.outcome, row.id))
                result = Result(cell, _of(model, row.id), one)
                known = self.seen[table, persona, kind]
                if not known or (known[0].agreed and not result.agreed):
                    known[:] = [result]

    def _known(self, row: Row) -> bool:
        """Tell whether it can be said whose a row is."""
        alone = row.table in {"users", "resources"}
        return alone or plan_of(self.sample.world, row) is not None

    def _places(
        self, caller: Caller, table: str, row: Row
    ) -> Iterator[tuple[str, str]]:
        """Yield the personas that a caller is to a row, with the kind of the row."""
        kind, whose = self._kind(table, row)
        if caller.actor.kind != "user":
            yield caller.actor.kind, kind
            return
        me = identity(self.sample.world, caller.actor)
        if caller.refused or not self.sample.world.find("users", me):
            return  # who is nobody, or not yet, is no persona of the matrix
        if table == "resources":
            yield from (("owner", kind), ("stranger", kind))
        elif me == whose:
            yield "owner", kind
        elif table != "task_progress":
            yield "stranger", kind
        elif me == row.values["user_id"]:
            yield "reader", kind
        else:
            yield "stranger", kind
            if kind in {"private", "public"}:  # all the same who else it is
                yield "reader", kind

    def _kind(self, table: str, row: Row) -> tuple[str, object]:
        """Return the matrix' kind of a row, and to whom it belongs."""
        if table in {"users", "resources"}:
            return {"users": "profile", "resources": "catalog"}[table], row.id
        plan = plan_of(self.sample.world, row)
        values = plan.values if plan else {}
        seen, owner = values.get("visibility"), values.get("user_id")
        if table == "task_progress" and row.values["user_id"] != owner:
            return "reading" if seen == "public" else "turned-private", owner
        return str(seen), owner

    def results(
        self, cells: Iterable[Cell], *, witness: bool
    ) -> Iterator[Result | Unasked]:
        """Yield what came of each cell that is about reading."""
        for cell in cells:
            found = self.seen.get((cell.table, cell.persona, cell.row))
            if witness and cell.persona == "service":
                yield Unasked(cell, WITNESS)
            elif found:
                yield found[0]
            else:
                yield Unasked(cell, NO_ROW)

    def findings(self) -> Iterator[Finding]:
        """Yield what somebody saw too much of, or too little, and rows without kin."""
        for caller, table, model, got in self.differ:
            command = Command("select", table)
            cell = self.facts.nearest(command, model)
            yield Finding(
                account="rows",
                name=f"{caller.name} select {table}",
                rule=cell.because if cell else "",
                who=self._who(caller),
                did=got.statement,
                expected=f"{_counted(model)} (model)",
                got=_difference(model, got),
                where=f"policies/{table}.matrix.toml",
                policies=self.facts.policies_of(caller.actor, command),
                grants=self.facts.grants_of(caller.actor, command),
            )
        for (table, parent), rows in self.sample.orphans().items():
            yield Finding(
                account="rows",
                name=f"the service select {parent}",
                rule="Outline: the service reads all rows.",
                who=f'the service, as role "{self.facts.roles["service"]}"',
                did=f"select from {parent} what {len(rows)} rows of {table} belong to",
                expected="every row (foreign key)",
                got=f"not those of {table} {_few(rows)}",
                where=f"policies/{parent}.matrix.toml",
                policies=self.facts.policies.get(parent, ()),
                grants=self.facts.grants.get(parent, ()),
            )

    def mistaken(self, caller: Caller, wanted: str, taken: str) -> Finding:
        """Return the finding of a caller who is taken for somebody else."""
        return Finding(
            account="rows",
            name=f"whom {caller.name} is taken for",
            rule="Design: the claim user_id, else the users row of the subject, else"
            " nobody.",
            who=self._who(caller),
            did="select learnplan.current_user_id()",
            expected=wanted,
            got=taken,
            where="policies/functions.matrix.toml",
            grants=self.facts.grants.get("functions", ()),
        )

    def _who(self, caller: Caller) -> str:
        return f'{caller.name}, as role "{self.facts.roles[caller.actor.kind]}"'


def _of(outcome: Outcome, word: str) -> Outcome:
    """Return what came of one row of those that were asked for."""
    if outcome.kind not in {ROWS, HIDDEN}:
        return outcome
    if word in outcome.rows:
        return Outcome(ROWS, frozenset({word}))
    return Outcome(HIDDEN)


def _counted(outcome: Outcome) -> str:
    if outcome.kind != ROWS:
        return outcome.kind
    return f"{len(outcome.rows)} rows" if len(outcome.rows) != 1 else "1 row"


def _difference(model: Outcome, got: Observed) -> str:
    """Return how what was seen differs, with a few ids."""
    parts = [f"{_counted(got.outcome)}{f': {got.message}' if got.message else ''}"]
    for word, ids in (
        ("too many", got.outcome.rows - model.rows),
        ("missing", model.rows - got.outcome.rows),
    ):
        if ids and not got.message:
            parts.append(f"{len(ids):,} {word}: {_few(ids)}")
    return "; ".join(parts)


def _few(ids: Collection[str]) -> str:
    shown = ", ".join(sorted(ids)[:SHOWN])
    more = f" and {len(ids) - SHOWN:,} more" if len(ids) > SHOWN else ""
    return shown + more
