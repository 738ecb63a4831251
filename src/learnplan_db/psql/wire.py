"""
One message to the server and what comes back, told as psql tells it.

May import psycopg alone; prints only through the streams it is given.
Source: libpq, "Asynchronous Command Processing"; psql's unaligned output.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from psycopg.pq import ExecStatus
from psycopg.waiting import WAIT_R, WAIT_RW, WAIT_W, Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    import psycopg
    from psycopg.pq.abc import PGconn, PGresult

    Connection = psycopg.Connection[Any]
    Waiting = Generator[Any, Any, None]

_IN, _OUT = ExecStatus.COPY_IN, ExecStatus.COPY_OUT
_ROWS = ExecStatus.TUPLES_OK
BROKEN = {ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE}
_CHUNK = 1 << 16


class Streams(Protocol):
    """Where a script's output goes; the text carries its own line ends."""

    def out(self, text: str, /) -> None:
        """Take what psql prints on stdout."""

    def err(self, text: str, /) -> None:
        """Take what psql prints on stderr."""


class Wire:
    """
    A connection in use by a script.

    ``place`` gives the file and line that psql would name now, or None for silence.
    """

    def __init__(self, connection: Connection, streams: Streams) -> None:
        self.connection, self.streams = connection, streams
        self.pgconn: PGconn = connection.pgconn
        self.place: Callable[[], str | None] = lambda: None

    @property
    def codec(self) -> str:
        """Return Python's name of the client encoding; SQL_ASCII is sent as UTF-8."""
        if self.connection.closed:
            return "utf-8"
        codec = self.connection.info.encoding
        return "utf-8" if codec == "ascii" else codec

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Tell the server's notices as psql does, and those who listen already."""
        before = self.pgconn.notice_handler

        def notice(result: PGresult) -> None:
            if place := self.place():
                self.say(place, self.text(result))
            if before:
                before(result)

        self.pgconn.notice_handler = notice
        try:
            yield
        finally:
            self.pgconn.notice_handler = before

    def say(self, place: str, text: str) -> None:
        """Print a message behind the place it is about, as psql does."""
        self.streams.err(f"psql:{place}: {text}\n")

    def text(self, result: PGresult) -> str:
        """Return an error or notice in libpq's words, with DETAIL, HINT and so on."""
        return result.error_message.decode(self.codec, "replace").rstrip("\n")

    def send(
        self,
        query: bytes,
        take: Callable[[PGresult], None],
        feed: Callable[[], Iterable[bytes]] = tuple,
        drain: Callable[[bytes], object] | None = None,
    ) -> None:
        """
        Send a Query and take its results; rows are printed before they are taken.

        Args: feed: gives the data that a COPY asks for; drain: takes what it gives.
        Raises: psycopg.OperationalError: the connection is lost.
        """
        drain = drain or (lambda data: self.streams.out(data.decode(self.codec)))
        with self.connection.lock:
            self.connection.wait(_talk(self.pgconn, query, take, feed, drain))

    def rows(self, result: PGresult) -> None:
        """Print rows as psql does: unaligned, no header, null as nothing."""
        columns = result.nfields
        if result.status != _ROWS or not columns or not result.ntuples:
            return
        value, codec, across = result.get_value, self.codec, range(columns)
        self.streams.out(
            "".join(
                b"|".join([value(row, column) or b"" for column in across]).decode(
                    codec
                )
                + "\n"
                for row in range(result.ntuples)
            )
        )


def _talk(
    pgconn: PGconn,
    query: bytes,
    take: Callable[[PGresult], None],
    feed: Callable[[], Iterable[bytes]],
    drain: Callable[[bytes], object],
) -> Waiting:
    pgconn.send_query(query)
    yield from _flush(pgconn)
    while True:
        while pgconn.is_busy():
            while not (yield WAIT_R):
                pass
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            return
        if result.status == _IN:
            yield from _feed(pgconn, feed)
        elif result.status == _OUT:
            yield from _drain(pgconn, drain)
        else:
            take(result)


def _flush(pgconn: PGconn) -> Waiting:
    while pgconn.flush():
        ready = yield WAIT_RW
        if ready & Ready.R:
            pgconn.consume_input()


def _feed(pgconn: PGconn, feed: Callable[[], Iterable[bytes]]) -> Waiting:
    problem: bytes | None = None
    try:
        for data in feed():
            for start in range(0, len(data), _CHUNK):
                while not pgconn.put_copy_data(data[start : start + _CHUNK]):
                    yield WAIT_W
                yield from _flush(pgconn)
    except OSError as error:
        problem = str(error).encode()
    while not pgconn.put_copy_end(problem):
        yield WAIT_W
    yield from _flush(pgconn)


def _drain(pgconn: PGconn, drain: Callable[[bytes], object]) -> Waiting:
    while True:
        size, data = pgconn.get_copy_data(1)
        if size > 0:
            drain(bytes(data))
        elif size < 0:
            return
        else:
            while not (yield WAIT_R):
                pass
            pgconn.consume_input()
