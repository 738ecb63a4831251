"""
The prover: every cell of the matrix tried on a database, and three accounts compared.

All of it in one transaction that is never committed. May import lower floors; never
prints.
Source: style, personas and outcomes.
"""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from psycopg import errors, pq
from psycopg.pq import TransactionStatus

from learnplan_db.engine.progress import Progress, silent
from learnplan_db.errors import ProofError
from learnplan_db.proof import findings, matrix, situations, target
from learnplan_db.proof.effects import Effects
from learnplan_db.proof.leftovers import Leftovers
from learnplan_db.proof.nouns import HIDDEN, ROWS, Outcome, Proof, Result
from learnplan_db.proof.reference import judge
from learnplan_db.proof.search import Search
from learnplan_db.proof.statements import Wording
from learnplan_db.proof.trial import Attempt, Trial
from learnplan_db.security.variables import Variables
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from learnplan_db.engine.progress import Tell
    from learnplan_db.proof.looks import Surprise
    from learnplan_db.proof.nouns import Cell, Observed

    Connection = psycopg.Connection[Any]

DEFAULTS = Variables()
_LEVEL = "set transaction isolation level read committed"
_ONE_MOMENT = "set transaction isolation level repeatable read"


@dataclass(frozen=True, slots=True)
class Case:
    """
    One cell, ready to be tried: what the model says, and the attempt.

    ``word`` is the row that a blind cell is about, of all that its attempt reaches.
    """

    cell: Cell
    model: Outcome
    attempt: Attempt
    word: str | None


class Examination:
    """
    One database in an open transaction, with the matrix's world in it.

    Used through ``examining``; ``cases`` are all cells, ready to be tried.
    """

    def __init__(
        self, connection: Connection, cells: list[Cell], variables: Variables
    ) -> None:
        self.connection, self.variables, self.cells = connection, variables, cells
        self.wording = Wording(uuid4(), roles(variables))
        self.trial = Trial(connection, self.wording, situations.world())
        self.trial.build()
        version = connection.info.server_version
        told = [c for c in cells if c.command != "maintain" or version >= 170000]  # noqa: PLR2004
        self.cases = list(self._cases(told + situations.blind(told)))

    def _cases(self, cells: list[Cell]) -> Iterator[Case]:
        blind: dict[tuple[str, ...], tuple[Attempt, Outcome]] = {}
        world, on = self.trial.world, self.variables.anon_reads_resources
        for cell in cells:
            word = situations.reached(cell)
            key = (cell.table, cell.command, cell.persona)
            if word and key in blind:
                attempt, outcome = blind[key]
            else:
                actor, command = situations.actor(cell), situations.command(cell)
                outcome, _ = judge(world, actor, command, anon_reads_resources=on)
                attempt = self.trial.attempt(actor, command)
                if word:
                    blind[key] = (attempt, outcome)
            yield Case(cell, _of(outcome, word), attempt, word)

    def results(self, cases: Iterable[Case] | None = None) -> Iterator[Result]:
        """Yield what came of each case; one attempt serves cells that share it."""
        chosen = list(self.cases if cases is None else cases)
        attempts = {id(case.attempt): case.attempt for case in chosen}
        observed: dict[int, Observed] = {}
        source = self.trial.each(attempts.values())
        keys = iter(attempts)
        for case in chosen:
            while id(case.attempt) not in observed:
                observed[next(keys)] = next(source)
            got = observed[id(case.attempt)]
            got = replace(got, outcome=_of(got.outcome, case.word))
            yield Result(case.cell, case.model, got)


def _of(outcome: Outcome, word: str | None) -> Outcome:
    """Return a blind attempt's outcome for one of the rows it may reach."""
    if word is None or outcome.kind not in {ROWS, HIDDEN}:
        return outcome
    return replace(outcome, kind=ROWS if word in outcome.rows else HIDDEN)


def roles(variables: Variables) -> dict[str, str]:
    """Return the database's names of the actors' roles."""
    return {
        "user": variables.authenticated,
        "anonymous": variables.anon,
        "service": variables.service_role,
    }


def cells_of(directory: Path | None, variables: Variables) -> list[Cell]:
    """
    Return the access matrix of a project, of the packaged one without a directory.

    Raises: MatrixError: it is not one outcome a cell.
    """
    on = ["anon_reads_resources"] if variables.anon_reads_resources else []
    return matrix.read(directory or config.project_root(None) / "policies", on)


@contextmanager
def prepared(
    connection: Connection,
    cells: list[Cell],
    variables: Variables,
    *,
    reading: bool = False,
) -> Iterator[tuple[str, ...]]:
    """
    Provide a transaction in which the proof can work; nothing of it stays behind.

    Yields what of the schema the matrix leaves out.
    Args: reading: it can only read, and all of it sees the same moment.
    Raises: ProofError: the target is not fit for it, or was lost.
    """
    alone = connection.info.transaction_status == TransactionStatus.IDLE
    try:
        with connection.transaction(force_rollback=True):
            if alone:  # the login's default may be one that disturbs others
                level = _ONE_MOMENT if reading else _LEVEL
                connection.execute(level, prepare=False)
            if reading:
                connection.execute("set transaction read only", prepare=False)
            target.make_fit(connection, roles(variables), reading=reading)
            yield target.unproved(connection, cells)
    except psycopg.OperationalError as error:
        reason, where = _first_line(error), connection.info.dbname
        if connection.info.status == pq.ConnStatus.BAD:
            raise ProofError.lost(reason, where) from error
        if isinstance(error, (errors.LockNotAvailable, errors.QueryCanceled)):
            raise ProofError.disturbed(reason, "look at the catalog", where) from error
        raise


@contextmanager
def examining(
    connection: Connection, cells: list[Cell], variables: Variables = DEFAULTS
) -> Iterator[Examination]:
    """
    Provide all cells on a target that is prepared, with the world they need.

    Raises: ProofError: the world cannot be made.
    """
    with connection.transaction(force_rollback=True):
        yield Examination(connection, cells, variables)


def prove(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    *,
    directory: Path | None = None,
    tables: Iterable[str] = (),
    variables: Variables = DEFAULTS,
    effects: bool = True,
    exhaustive: bool = False,
    random: int = 0,
    seed: int | None = None,
    tell: Tell = silent,
) -> Proof:
    """
    Try every cell of the access matrix, and compare matrix, model and database.

    Works in one transaction, a savepoint of yours if one is open, and takes all back.
    Args: directory: holds the matrix, else the packaged one; tables: only these;
        variables: role names of the host; effects: what is left behind too;
        exhaustive: every small world too; random: how many random worlds too, from
        this seed.
    Raises: MatrixError, ProofError: nothing was tried. psycopg.Error: the connection
        was lost; the server takes all back.
    """
    started = time.perf_counter()
    cells = cells_of(directory, variables)
    chosen = seed if seed is not None else secrets.randbelow(2**32)
    with prepared(connection, cells, variables) as rest:
        facts = findings.Facts(
            roles(variables),
            cells,
            target.policies(connection),
            target.grants(connection),
        )
        with examining(connection, cells, variables) as one:
            results = list(_matrix(one, set(tables), tell))
            looked, seen = left_behind(one, set(tables), tell) if effects else (0, [])
        found = [facts.of_cell(result) for result in findings.telling(results)]
        found += [facts.of_effect(surprise) for surprise in seen]
        tried = {"matrix": len(results)} | ({"effects": looked} if effects else {})
        anyone = variables.anon_reads_resources
        search = Search(connection, roles(variables), anyone=anyone)
        if exhaustive:
            found += [facts.of_play("exhaustive", d) for d in search.exhaustive(tell)]
            tried["exhaustive"] = search.tried
        if random:
            before = search.tried
            differ = search.random(random, chosen, tell)
            found += [facts.of_play("random", d) for d in differ]
            tried["random"] = search.tried - before
    return Proof(
        target=connection.info.dbname,
        server=version_of(connection),
        seconds=time.perf_counter() - started,
        results=tuple(results),
        findings=tuple(found),
        tried=tried,
        seed=chosen if random else None,
        policies=facts.policies,
        grants=facts.grants,
        unproved=rest,
    )


def _matrix(one: Examination, tables: set[str], tell: Tell) -> Iterator[Result]:
    """Try the cells table by table, and tell how each table came out."""
    cases = [c for c in one.cases if not tables or c.cell.table in tables]
    names = dict.fromkeys(case.cell.table for case in cases)
    width = max(map(len, names), default=0)
    for table in names:
        tell(Progress("prove", table, "start", width=width))
        found = list(one.results([c for c in cases if c.cell.table == table]))
        state = "ok" if all(result.agreed for result in found) else "not ok"
        tell(Progress("prove", table, state, count=len(found), width=width))
        yield from found


def left_behind(
    one: Examination, tables: set[str], tell: Tell
) -> tuple[int, list[Surprise]]:
    """Look at what is left behind; return how often, and what is not as it must be."""
    label = "what is left behind"
    tell(Progress("prove", label, "start"))
    world, on = one.trial.world, one.variables.anon_reads_resources
    writes = Leftovers(one.connection, one.wording, one.cells, world)
    views = Effects(one.connection, one.wording)
    # In a world of their own.
    asked = Effects(one.connection, Wording(uuid4(), roles(one.variables)))
    for look in (writes, views, asked):
        look.tables = tables
    found = [
        *writes.writes(),
        *views.views(world, situations.ACTORS.values()),
        *asked.answers(anyone=on),
    ]
    count = writes.tried + views.tried + asked.tried
    tell(Progress("prove", label, "not ok" if found else "ok", count=count))
    return count, found


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def version_of(connection: Connection) -> str:
    """Return which server it is, for reports."""
    number = connection.info.server_version
    return f"PostgreSQL {number // 10000}.{number % 10000}"
