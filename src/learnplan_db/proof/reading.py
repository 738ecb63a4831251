"""
The part of a proof that needs no writing: on a standby, or beside a host's real rows.

All of it in one read-only transaction that shows one moment. May import lower floors;
never prints.
Source: docs/proving.md, "Only reading".
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from learnplan_db.engine.progress import Progress, silent
from learnplan_db.errors import ProofError
from learnplan_db.proof import findings, target
from learnplan_db.proof.callers import callers
from learnplan_db.proof.gallery import Gallery
from learnplan_db.proof.nouns import TABLES, VIEWS, Finding, Proof, Result, Unasked
from learnplan_db.proof.onlooker import Onlooker
from learnplan_db.proof.prover import DEFAULTS, cells_of, prepared, roles, version_of
from learnplan_db.proof.sample import Sample, take

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import psycopg

    from learnplan_db.engine.progress import Tell
    from learnplan_db.proof.nouns import Cell
    from learnplan_db.security.variables import Variables

    Connection = psycopg.Connection[Any]

FUNCTIONS = "functions"
MAINTAIN_SINCE = 170000


def prove_reading(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    *,
    directory: Path | None = None,
    tables: Iterable[str] = (),
    variables: Variables = DEFAULTS,
    seed: int | None = None,
    tell: Tell = silent,
) -> Proof:
    """
    Compare what everybody sees of the rows that are there with what they may see.

    Args: directory, tables, variables: as for ``prove``; seed: chooses rows and
        callers.
    Raises: MatrixError, ProofError: nothing was asked, or there is nothing to see.
    """
    started = time.perf_counter()
    cells = cells_of(directory, variables)
    chosen = seed if seed is not None else secrets.randbelow(2**32)
    with prepared(connection, cells, variables, reading=True) as rest:
        facts = findings.Facts(
            roles(variables),
            cells,
            target.policies(connection),
            target.grants(connection),
        )
        anyone = variables.anon_reads_resources
        looker = Onlooker(connection, facts.roles, anyone=anyone)
        visit = _Visit(looker, facts, set(tables), chosen)
        visit.look(sees_all=target.sees_all(connection), tell=tell)
        told = list(visit.cells(connection.info.server_version, tell))
    results = [one for one in told if isinstance(one, Result)]
    found = [facts.of_cell(one) for one in results if not one.agreed]
    return Proof(
        target=connection.info.dbname,
        server=version_of(connection),
        seconds=time.perf_counter() - started,
        results=tuple(results),
        findings=(*found, *visit.found),
        tried={"matrix": len(results), "rows": visit.looked},
        seed=chosen,
        policies=facts.policies,
        grants=facts.grants,
        unproved=rest,
        rows=visit.sample.sizes(),
        unasked=tuple(one for one in told if isinstance(one, Unasked)),
    )


class _Visit:
    """A sample of one database, who looked at it, and what they saw."""

    def __init__(
        self, looker: Onlooker, facts: findings.Facts, tables: set[str], seed: int
    ) -> None:
        self.looker, self.facts, self.seed = looker, facts, seed
        self.wanted = tables or {*TABLES, *VIEWS, FUNCTIONS}
        self.found: list[Finding] = []
        self.looked = 0
        self.sees_all = False

    def look(self, *, sees_all: bool, tell: Tell) -> None:
        """
        Take a sample, and let everybody look at it.

        Raises: ProofError: there are no plans, or nobody who owns one.
        """
        self.sees_all = sees_all
        tell(Progress("prove", label := "rows that are there", "start"))
        self.sample = self._sample()
        self.gallery = Gallery(self.facts, self.sample)
        for caller in callers(self.sample, self.seed):
            for table, model, got in self.looker.reads(
                self.sample, caller, self._tables()
            ):
                self.gallery.hang(caller, table, model, got)
            if caller.actor.kind == "user" and FUNCTIONS in self.wanted:
                wanted, taken = self.looker.taken_for(caller)
                if wanted != taken:
                    self.found.append(self.gallery.mistaken(caller, wanted, taken))
        self.found += self.gallery.findings()
        self.looked = self.looker.tried
        state = "not ok" if self.found else "ok"
        tell(Progress("prove", label, state, count=self.looked))

    def _sample(self) -> Sample:
        """Read the sample as who sees all rows: the login itself, or the service."""
        with self.looker.connection.transaction(force_rollback=True):
            if not self.sees_all:
                self.looker.become("service", "")
            sample = take(self.looker.ask, self.seed)
        where = self.looker.connection.info.dbname
        for table in ("users", "learning_plans"):
            if not sample.world.of(table):
                raise ProofError.nothing_there(table, where)
        return sample

    def _tables(self) -> Sequence[str]:
        return [name for name in (*TABLES, *VIEWS) if name in self.wanted]

    def cells(self, version: int, tell: Tell) -> Iterator[Result | Unasked]:
        """Yield what came of each cell of the matrix, table by table."""
        width = max(map(len, self.wanted))
        for table in (*self._tables(), *({FUNCTIONS} & self.wanted)):
            tell(Progress("prove", table, "start", width=width))
            mine = [
                cell
                for cell in self.facts.cells
                if cell.table == table
                and (cell.command != "maintain" or version >= MAINTAIN_SINCE)
            ]
            told = list(self._told(mine))
            asked = [one for one in told if isinstance(one, Result)]
            state = "ok" if all(one.agreed for one in asked) else "not ok"
            tell(Progress("prove", table, state, count=len(asked), width=width))
            yield from told

    def _told(self, cells: Sequence[Cell]) -> Iterator[Result | Unasked]:
        reads = [cell for cell in cells if cell.command == "select"]
        yield from self.gallery.results(reads, witness=not self.sees_all)
        yield from self.looker.rights(c for c in cells if c.command != "select")
