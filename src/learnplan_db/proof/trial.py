"""
A world on a real database, and what happens when somebody tries something there.

Works inside the caller's transaction, which is never committed; every attempt starts
from the same savepoint. Statements go out in batches. May import errors, nouns, pipe
and statements; never prints.
Source: style, personas and outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from psycopg import pq

from learnplan_db.errors import ProofError
from learnplan_db.proof.nouns import (
    BY_CONSTRAINT,
    BY_GRANT,
    BY_POLICY,
    BY_TRIGGER,
    HIDDEN,
    ROWS,
    TABLES,
    Actor,
    Observed,
    Outcome,
)
from learnplan_db.proof.pipe import DONE, STATE, TEXT, Pipe, field
from learnplan_db.proof.statements import SCHEMA, STAMPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg
    from psycopg.pq.abc import PGresult

    from learnplan_db.proof.nouns import Command, World
    from learnplan_db.proof.statements import Wording

SERVICE = Actor("service")
WRITES = ("insert", "update", "delete")
OTHERS = "others"  # rows that are not of the world
BATCH = 48
_CONSTRAINT = pq.DiagnosticField.CONSTRAINT_NAME
_FUNCTION = pq.DiagnosticField.SOURCE_FUNCTION
# Where the server checks rows against policies: its texts may be in any language.
_CHECK = "ExecWithCheckOptions"


def outcome_of(state: str, text: str, function: str = "") -> str:
    """
    Return why the server refused, in the words of the access matrix.

    Args: function: that of the server's source which said so.
    """
    if state == "42501":
        by_policy = function == _CHECK or "row-level security" in text
        return BY_POLICY if by_policy else BY_GRANT
    if state.startswith("LP"):
        return BY_TRIGGER
    if state.startswith("23"):
        return BY_CONSTRAINT
    return f"error {state}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One command of one actor, as SQL.

    ``probe`` shows which rows a command that reads no column has reached.
    """

    command: Command
    become: str
    statement: str
    probe: str = ""


class Trial:
    """
    One world in the open transaction of a connection.

    Attempts are tried one by one from the same state (``each``), or one upon the
    other (``step``).
    """

    def __init__(
        self, connection: psycopg.Connection[Any], wording: Wording, world: World
    ) -> None:
        self.connection, self.wording = connection, wording
        self._words: dict[str, str] = {}
        self._becoming: dict[Actor, str] = {}
        self.see(world)

    def see(self, world: World) -> None:
        """Take other rows for those that there are, after a play."""
        self.world = world
        self._words |= {
            str(self.wording.id(row.table, row.id)): row.id for row in world.rows
        }

    def build(self) -> None:
        """
        Make the rows of the world, as the service.

        Raises: ProofError: one of them cannot be made.
        """
        texts = [self.wording.row(row) for row in self.world.rows]
        pipe = Pipe(self.connection)
        pipe.put(self.wording.become(SERVICE))
        for text in texts:
            pipe.put(text)
        pipe.put("set local role none")
        pipe.sync()
        where = self.connection.info.dbname
        for text, result in zip(["", *texts], pipe.results(), strict=False):
            if result.status not in DONE:
                reason = field(result, TEXT)
                raise ProofError.world(reason, text or "become the service", where)
            if text and result.command_tuples != 1:
                reason = "the row was not inserted, though nothing failed"
                raise ProofError.world(reason, text, where)

    def attempt(self, actor: Actor, command: Command) -> Attempt:
        """Return a command of an actor, ready to be tried in this world."""
        if actor not in self._becoming:
            self._becoming[actor] = self.wording.become(actor)
        probe = self._probe(command) if _is_blind(command) else ""
        statement = self.wording.statement(command, self.world)
        return Attempt(command, self._becoming[actor], statement, probe)

    def each(self, attempts: Iterable[Attempt]) -> Iterator[Observed]:
        """Yield what each attempt comes to; the state is the same before each."""
        source = iter(attempts)
        while batch := list(islice(source, BATCH)):
            yield from self._batch(batch)

    def _batch(self, batch: list[Attempt]) -> Iterator[Observed]:
        groups = [list(one) for _, one in groupby(batch, key=_become)]
        pipe = Pipe(self.connection)
        for group in groups:
            for text in ("savepoint actor", group[0].become, "savepoint proof"):
                pipe.put(text)
            pipe.sync()
            for attempt in group:
                self._put(pipe, attempt)
                pipe.put("rollback to savepoint proof")
            pipe.put("rollback to savepoint actor")
            pipe.put("release savepoint actor")
        pipe.sync()
        results = pipe.results()
        for group in groups:
            _, became, _ = next(results), next(results), next(results)
            for attempt in group:
                yield self._observed(attempt, results, became)
                next(results)
            next(results), next(results)

    def _put(self, pipe: Pipe, attempt: Attempt) -> None:
        """Send an attempt; a blind one with a look at the rows before and after."""
        service = self.wording.become(SERVICE)
        if attempt.probe:
            for text in (service, attempt.probe, attempt.become):
                pipe.put(text)
        pipe.put(attempt.statement)
        pipe.sync()
        if attempt.probe:
            pipe.put(service)
            pipe.put(attempt.probe)
            pipe.sync()

    def step(self, actor: Actor, command: Command, world: World) -> Observed:
        """Try one command; what works stays. ``world`` is the one before it."""
        self.see(world)
        attempt = self.attempt(actor, command)
        pipe = Pipe(self.connection)
        pipe.put("savepoint step")
        pipe.put(attempt.become)
        self._put(pipe, attempt)
        results = pipe.results()
        _, became = next(results), next(results)
        observed = self._observed(attempt, results, became)
        if observed.outcome.kind not in {ROWS, HIDDEN}:
            self.connection.execute("rollback to savepoint step", prepare=False)
        return observed

    def _probe(self, command: Command) -> str:
        """Return what shows where the rows of the world are: a new version moves."""
        among = self.wording.among(command.table, self.world)
        return f"select id, ctid from {SCHEMA}.{command.table} where {among}"

    def _observed(
        self, attempt: Attempt, results: Iterator[PGresult], became: PGresult
    ) -> Observed:
        """Take the results of what was put, and tell what it came to."""
        blind = bool(attempt.probe)
        before = [next(results) for _ in range(4 if blind else 1)]
        after = [next(results) for _ in range(2 if blind else 0)]
        failed = (r for r in (became, *before) if r.status not in DONE)
        result = next(failed, before[-1])
        if result.status not in DONE:
            text, constraint = field(result, TEXT), field(result, _CONSTRAINT)
            state, function = field(result, STATE), field(result, _FUNCTION)
            outcome = Outcome(outcome_of(state, text, function))
            shown = f"{text} ({constraint})" if constraint else text
            return Observed(outcome, attempt.statement, shown)
        if attempt.probe:
            words = self._moved(before[1], after[1])
            if (result.command_tuples or 0) > len(words):
                words.add(OTHERS)
            outcome = Outcome(ROWS if words else HIDDEN, frozenset(words))
        else:
            outcome = self._worked(attempt.command, result)
        return Observed(outcome, attempt.statement)

    def _moved(self, before: PGresult, after: PGresult) -> set[str]:
        """Return the words of the rows that a statement changed or removed."""
        if after.status not in DONE:
            return {OTHERS}
        left = {_pair(after, n) for n in range(after.ntuples)}
        gone = {_pair(before, n) for n in range(before.ntuples)} - left
        return {self._word(row_id) for row_id, _ in gone}

    def _word(self, row_id: bytes | None) -> str:
        return self._words.get((row_id or b"").decode(), OTHERS)

    def _worked(self, command: Command, result: PGresult) -> Outcome:
        """Return what a command that did not fail came to."""
        verb, table = command.verb, command.table
        if verb == "execute":
            return Outcome(ROWS)
        if verb != "select" and (verb not in WRITES or table not in TABLES):
            return Outcome(ROWS if result.get_value(0, 0) == b"t" else BY_GRANT)
        if verb == "select" and command.row is None:
            ids = (result.get_value(n, 0) for n in range(result.ntuples))
            words = {self._word(row_id) for row_id in ids}
        else:
            words = {str(command.row)} if result.command_tuples else set()
        kind = ROWS if words else HIDDEN
        return Outcome(kind, frozenset(words), self._stamped(result))

    @staticmethod
    def _stamped(result: PGresult) -> frozenset[str]:
        """Return the columns that do not hold what was given."""
        if not result.ntuples:
            return frozenset()
        names = ((n, (result.fname(n) or b"").decode()) for n in range(result.nfields))
        return frozenset(
            name
            for n, name in names
            if name in STAMPS and result.get_value(0, n) == b"t"
        )


def _become(attempt: Attempt) -> str:
    return attempt.become


def _is_blind(command: Command) -> bool:
    writes = command.verb in {"update", "delete"} and command.table in TABLES
    return writes and command.row is None


def _pair(result: PGresult, row: int) -> tuple[bytes | None, bytes | None]:
    return result.get_value(row, 0), result.get_value(row, 1)
