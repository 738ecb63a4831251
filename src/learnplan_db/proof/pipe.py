"""
Statements on their way to a server, many at once, and their results in order.

In libpq's pipeline mode: a round trip a batch. Whatever goes wrong, the connection is
out of that mode after it, and nothing of what was sent still runs. May import errors;
never prints.
Source: libpq, "Pipeline Mode".
"""

from __future__ import annotations

import selectors
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq

from learnplan_db.errors import ProofError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.pq.abc import PGconn, PGresult

DONE = {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}
STATE, TEXT = pq.DiagnosticField.SQLSTATE, pq.DiagnosticField.MESSAGE_PRIMARY
_SYNC, _FATAL = pq.ExecStatus.PIPELINE_SYNC, pq.ExecStatus.FATAL_ERROR
# Not the rules, but others or the server are in the way: transaction rollback, no
# resources, a lock that is not to be had, an operator, the system.
DISTURBED = ("40", "53", "55P03", "57", "58")
_PATIENCE = 0.02


def field(result: PGresult, name: pq.DiagnosticField) -> str:
    """Return a field of a refusal as text."""
    return (result.error_field(name) or b"").decode("utf-8", "replace")


class Pipe:
    """Statements for one connection; nothing is sent before ``results``."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._pgconn: PGconn = connection.pgconn
        self._parts: list[str | None] = []
        self._left = 0  # syncs that the server has not answered

    def put(self, text: str) -> None:
        """Add a statement; one that fails stops those up to the next sync."""
        self._parts.append(text)

    def sync(self) -> None:
        """End a group of statements."""
        self._parts.append(None)

    def results(self) -> Iterator[PGresult]:
        """
        Send all, and return a result a statement.

        Raises: ProofError: a statement was not judged but stopped; OperationalError:
            the connection is lost.
        """
        texts = [text for text in self._parts if text is not None]
        found: list[PGresult] = []
        self._pgconn.enter_pipeline_mode()
        try:
            self._send()
            while self._left:
                result = self._next()
                if result is None:
                    continue
                if result.status == _FATAL:
                    self._demand_verdict(result, texts[len(found)])
                found.append(result)
        except BaseException:
            self._stop()
            raise
        self._pgconn.exit_pipeline_mode()
        return iter(found)

    def _send(self) -> None:
        encoding = self._connection.info.encoding
        for text in self._parts:
            if text is None:
                self._pgconn.pipeline_sync()
                self._left += 1
            else:
                self._pgconn.send_query_params(text.encode(encoding), None)

    def _next(self, patience: float | None = None) -> PGresult | None:
        """Return the next result of a statement, None if there is none yet."""
        if self._pgconn.is_busy():
            with selectors.DefaultSelector() as waiting:
                waiting.register(self._pgconn.socket, selectors.EVENT_READ)
                if not waiting.select(patience):
                    self._connection.cancel_safe(timeout=2.0)
            self._pgconn.consume_input()
            return None
        result = self._pgconn.get_result()
        if result is None and self._pgconn.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError("the connection is lost")
        if result is not None and result.status == _SYNC:
            self._left -= 1
            return None
        return result

    def _demand_verdict(self, result: PGresult, text: str) -> None:
        """Raise if a failure says nothing about the rules."""
        state = field(result, STATE)
        if not state or state.startswith("57P"):  # an operator ends the session
            said = field(result, TEXT) or "the connection is lost"
            raise psycopg.OperationalError(said)
        if state.startswith(DISTURBED):
            where = self._connection.info.dbname
            raise ProofError.disturbed(field(result, TEXT), text, where)

    def _stop(self) -> None:
        """Cancel what still runs of what was sent; a lost connection has nothing."""
        with suppress(psycopg.Error):
            self._pgconn.pipeline_sync()
            self._left += 1
            while self._left:
                self._next(_PATIENCE)
            self._pgconn.exit_pipeline_mode()
