"""
Run a script: whole, as one message, where that is the same; else as psql plays it.

May import lower floors; prints only through the streams it is given.
Source: PostgreSQL, "Multiple Statements in a Simple Query"; design, the engine.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from itertools import filterfalse, takewhile
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from learnplan_db.errors import OwnSqlError
from learnplan_db.psql.failure import failure
from learnplan_db.psql.guard import before, behind, turns
from learnplan_db.psql.stage import Stage
from learnplan_db.psql.wire import BROKEN, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg.pq.abc import PGresult

    from learnplan_db.psql.draft import Statement
    from learnplan_db.psql.script import Script
    from learnplan_db.psql.wire import Connection, Streams

# Between two statements of the script, so that a notice is known to be of the one or
# the other: libpq may tell it one result too early. It does nothing and sees nothing.
_MARK = b"unlisten learnplan_db"
_SEAM = b"\n;"  # the line end closes a comment
_PHASES = {-1: "after_begin", -2: "before_end", -3: "after", -4: "guard"}
MARK = -5


def run(  # noqa: PLR0913 - what surrounds a script
    connection: Connection,
    script: Script,
    streams: Streams,
    *,
    after_begin: Sequence[bytes] = (),
    before_end: Sequence[bytes] = (),
    after: Sequence[bytes] = (),
    skip: Callable[[str, str], bool] | None = None,
    guarded: bool = False,
) -> bool:
    """
    Run a script on a connection in autocommit, with our SQL around its transaction.

    Tells whether ``before_end`` went into the script's own transaction. What a script
    leaves open, or an error leaves aborted, is the caller's to roll back.
    Args: after_begin, before_end: statements behind the first ``begin`` and before the
        last ``commit`` of a wrapped script; after: statements at the very end; skip:
        asked before each statement, with its text and place, whether it is not to run;
        guarded: row_security is off, and is to stay so.
    Raises: ScriptError: the script failed; OwnSqlError: one of our statements did.
    """
    wire = Wire(connection, streams)
    with wire.listening():
        if skip is None and _fits(script, wire):
            ours = (after_begin, before_end if script.wrapped else (), after)
            if _Flight(wire, script, ours, guarded=guarded).fly():
                return script.wrapped
        stage = Stage(wire, script, after_begin, before_end, skip, guarded=guarded)
        if script.static and not script.odd and _standard(wire):
            _step(stage)
        else:
            from learnplan_db.psql.player import Player  # noqa: PLC0415 - mostly unused

            Player(stage).play(script.file)
        stage.own("after", after)
        return stage.inside


def _standard(wire: Wire) -> bool:
    """Tell whether the session reads strings as the splitter did."""
    setting = wire.pgconn.parameter_status(b"standard_conforming_strings")
    return setting != b"off"


def _fits(script: Script, wire: Wire) -> bool:
    """Tell whether a script does the same as one message, in this session."""
    encoding = wire.pgconn.parameter_status(b"client_encoding")
    return script.one_message and encoding == b"UTF8" and _standard(wire)


def _step(stage: Stage) -> None:
    """Run the statements of a static script one by one."""
    script = stage.script
    last = len(script.texts) - 1
    for index, text in enumerate(script.texts):
        edge = ("last" if index else "first") if index in {0, last} else ""
        error = stage.perform(
            text,
            partial(_statement, script, index),
            script.source,
            partial(_line, script, index),
            edge if script.wrapped else "",
        )
        if error:
            raise stage.failure(
                error, script.statements[index], script.source
            ) from error


def _statement(script: Script, index: int) -> Statement:
    """Return a statement with its places, which are looked up late or never."""
    return script.statements[index]


def _line(script: Script, index: int) -> int:
    """Return the line on which psql is when it runs a statement."""
    statement = script.statements[index]
    ended = statement.text.endswith(";")
    return statement.end_line if ended else script.file.source.lines


def message(
    script: Script,
    after_begin: Sequence[bytes] = (),
    before_end: Sequence[bytes] = (),
    after: Sequence[bytes] = (),
    *,
    guarded: bool = False,
) -> list[tuple[int, bytes]]:
    """
    Return what is sent for a script that is one transaction, in its order.

    Each with its owner: the number of the script's statement, or a negative number for
    ours, of which MARK does nothing. An odd one is sent in as many messages.
    """
    first, *body, last = (text.encode() for text in script.texts)
    sent = [(0, first), *_board(-1, after_begin)]
    for index, text in enumerate(body, 1):
        if guarded:
            sent += _guard(script, index, text)
        else:
            sent += _board(index, [text])
    sent += _board(-2, before_end)
    sent += _board(len(body) + 1, [last])
    return sent + _board(-3, after)


def _board(owner: int, statements: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """Return statements, behind a mark that tells their notices from others."""
    if not statements:
        return []
    return [(MARK, _MARK), *((owner, text) for text in statements)]


def _guard(script: Script, index: int, text: bytes) -> list[tuple[int, bytes]]:
    """Return a statement, and what keeps row security off around it."""
    texts = script.texts
    under: Iterator[str]
    if script.odd:  # as where it is played statement by statement
        under = filterfalse(turns, texts)
    else:
        under = takewhile(lambda one: not turns(one), texts[index + 1 : -1])
    return [
        *_board(-4, before(texts[index], local=True)),
        *_board(index, [text]),
        *_board(-4, behind(texts[index], under)),
    ]


class _Flight:
    """A wrapped script and our SQL in one message."""

    def __init__(
        self,
        wire: Wire,
        script: Script,
        ours: tuple[Sequence[bytes], ...],
        *,
        guarded: bool,
    ) -> None:
        self.wire, self.script = wire, script
        self.broken: PGresult | None = None
        self.seen = 0
        sent = message(script, *ours, guarded=guarded)
        self.owners = [owner for owner, _ in sent]
        self.parts = [text for _, text in sent]

    def fly(self) -> bool:
        """
        Send it and take the results; tell if anything ran at all.

        Raises: ScriptError, OwnSqlError: as ``run``.
        """
        self.wire.place = self.place
        query = _SEAM.join(self.parts)
        try:
            self.wire.send(query, self.take)
        except psycopg.OperationalError as error:
            if self.broken is not None:  # the server said why before it went
                return self.land(self.broken)
            statement = self.script.statements[max(self.owner(), 0)]
            raise failure(error, statement, self.script.source) from error
        if self.broken is None:
            return True
        return self.land(self.broken)

    def take(self, result: PGresult) -> None:
        """Count a result, and print its rows if it is of the script."""
        if result.status in BROKEN:
            self.broken = self.broken or result
            return
        if self.owner() >= 0:
            self.wire.rows(result)
        self.seen += 1

    def owner(self, ahead: int = 0) -> int:
        """Return the statement that runs, or a negative number for ours."""
        index = min(self.seen + ahead, len(self.owners) - 1)
        return self.owners[index]

    def place(self) -> str | None:
        """Return where the statement stands that told a notice, None for ours."""
        owner = self.owner()
        if owner in {0, MARK}:  # neither begin nor a mark has anything to tell
            owner = self.owner(1) if self.owner(1) != MARK else self.owner(2)
        if owner < 0:
            return None
        return f"{self.script.source}:{_line(self.script, owner)}"

    def land(self, broken: PGresult) -> bool:
        """Raise what went wrong; False if the message was not even understood."""
        error = errors.error_from_result(broken, encoding=self.wire.codec)
        state = error.sqlstate or ""
        idle = self.wire.pgconn.transaction_status == TransactionStatus.IDLE
        if not self.seen and idle and not state.startswith("57"):
            return False  # a later statement hides what an earlier one would meet
        index, position = self.seen, error.diag.statement_position
        start = 0
        if position:
            index, start = self.at(int(position))
        owner = self.owners[min(index, len(self.owners) - 1)]
        if owner < 0:
            raise OwnSqlError(_PHASES.get(owner, "after_begin"), error) from error
        raise failure(
            error,
            self.script.statements[owner],
            self.script.source,
            int(position) - start if position else None,
        ) from error

    def at(self, position: int) -> tuple[int, int]:
        """Return the part in which a position of the message is, and its start."""
        starts = [0]
        for part in self.parts:
            starts.append(starts[-1] + len(part.decode()) + len(_SEAM))
        index = bisect_left(starts, position) - 1
        return index, starts[index]
