"""
A connection that does not wait for ever: silence is looked into.

A network may lose all that is sent while both ends believe they are connected. So if
an answer takes long, the server is asked over a second connection what our session
does: if it waits for us while we wait for it, or is no more, the first one is dead. A
statement that runs, or waits for a lock, is never disturbed, nor is one of which
nobody can be asked. May import psycopg alone; never prints.
Source: PostgreSQL, "The Statistics Collector", wait events of type Client; libpq.
"""

from __future__ import annotations

import termios
import threading
import time
from contextlib import suppress
from contextvars import ContextVar
from fcntl import ioctl
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo, TransactionStatus
from psycopg.rows import tuple_row

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    Waiting = Generator[Any, Any, Any]

# What libpq, and the server in turn, do about a network in which nothing arrives.
NETWORK = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
    "connect_timeout": "30",
}
SERVERS = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "30000",
}
PATIENCE = 10.0  # seconds of silence, after which we look
BRIEF = 5.0  # seconds for such a look
FIRST = 30.0  # seconds for the first answer of a session, before which nobody can look
_SELDOM = 60.0  # a statement that runs on is looked at less and less often
# What psycopg counts transactions with has to run: it may be interrupted, not left out.
_COUNTS = {"_enter_gen", "_exit_gen"}
GONE = "it knows our session no more"
STUCK = "it waits for us while we wait for it"
# What tells one session of one server from all others.
IDENTITY = """(select concat_ws(' ', a.pid,
    extract(epoch from a.backend_start),
    extract(epoch from pg_catalog.pg_postmaster_start_time()))
  from pg_catalog.pg_stat_get_activity({pid}) as a)"""
_WAITS = "a.wait_event in ('ClientRead', 'ClientWrite')"
_LOOK = f"""select {IDENTITY}, {_WAITS},
  concat_ws(' ', a.state_change, a.wait_event),
  extract(epoch from pg_catalog.pg_postmaster_start_time())::text
from (values (1)) as one (n)
left join pg_catalog.pg_stat_get_activity({{pid}}) as a on true"""


_END = f"""select pg_catalog.pg_terminate_backend(a.pid)
from pg_catalog.pg_stat_get_activity({{pid}}) as a
where {_WAITS} and {IDENTITY} = %s"""


class Stop:
    """
    A wish, from another thread, that work ends as on Ctrl-C: once.

    What then takes back what was done is not ended in turn.
    """

    def __init__(self) -> None:
        self._asked, self._taken = threading.Event(), threading.Event()

    def ask(self) -> None:
        """Say that the work is to end."""
        self._asked.set()

    def take(self) -> bool:
        """Tell whether it is to end now; true once."""
        if self._taken.is_set() or not self._asked.is_set():
            return False
        self._taken.set()
        return True


# Of the connections that a thread makes.
STOP: ContextVar[Stop | None] = ContextVar("learnplan_db_stop", default=None)


class Ear(Protocol):
    """Who is told how a wait goes on."""

    def heard(self) -> None:
        """Something came, or could be sent."""

    def nothing(self) -> None:
        """Nothing came for a moment. Raises: psycopg.OperationalError: give up."""


class Watched(psycopg.Connection[Any]):
    """
    A connection that looks into silence, once it knows who it is.

    ``identity`` is what IDENTITY said of its session; None for no looking. ``burdened``
    says that what is sent may take long to arrive, so that the server may wait for it.
    A session that is ``fresh`` has answered nothing yet.
    """

    identity: str | None = None
    burdened, fresh = False, True

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Waiting:
        """Connect, as psycopg does, unless the thread's work is to end meanwhile."""
        gen = super()._connect_gen(conninfo)
        stop = STOP.get()
        return _listening(gen, _Refusal(stop)) if stop else gen

    def wait(self, gen: Waiting, *args: Any, **named: Any) -> Any:
        """
        Wait for an answer, as psycopg does.

        Raises: KeyboardInterrupt: the thread's work is to end, and the statement has.
        """
        ending = None
        if stop := STOP.get():
            ending = _Ending(self, stop)
            ending.asked = stop.take()
            if ending.asked and getattr(gen, "__name__", "") not in _COUNTS:
                gen.close()  # nothing was sent
                raise KeyboardInterrupt
            gen = _listening(gen, ending)
        if self.fresh:
            gen = _listening(gen, _Deadline(self, FIRST))
        elif self.identity is not None:
            gen = _listening(gen, _Silence(self))
        try:
            return super().wait(gen, *args, **named)
        finally:
            if ending and ending.asked:
                raise KeyboardInterrupt


class Brief(psycopg.Connection[Any]):
    """A connection that waits for no answer longer than a look may take."""

    def wait(self, gen: Waiting, *args: Any, **named: Any) -> Any:
        """Wait for an answer, but not for long."""
        gen = _listening(gen, _Deadline(self, BRIEF))
        return super().wait(gen, *args, **named)


def fallbacks(known: Mapping[str, Any]) -> Mapping[str, str]:
    """Return how libpq notices a dead network, where nobody has said otherwise."""
    if "service" in known:
        return {}
    unset = {one.keyword.decode() for one in Conninfo.get_defaults() if not one.val}
    return {
        name: value
        for name, value in NETWORK.items()
        if name in unset and name not in known
    }


def local(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether there is no network in between, but a socket of the system's."""
    return connection.info.host.startswith(("/", "@")) or not connection.info.host


def way_back(connection: psycopg.Connection[Any], **more: Any) -> str:
    """Return conninfo, with the password, that leads where a connection leads."""
    info = connection.info
    if info.password:
        more["password"] = info.password
    return make_conninfo(info.dsn, **more)


def end_waiting(connection: psycopg.Connection[Any], identity: str) -> None:
    """End a session that nobody listens to any more, if it waits for its client."""
    query = _END.format(pid=identity.split(maxsplit=1)[0])
    connection.execute(query.encode(), [identity])


def _listening(gen: Waiting, ear: Ear) -> Waiting:
    """Pass a wait on, and tell how it goes."""
    try:
        state = next(gen)
        while True:
            ready = yield state
            if ready:
                ear.heard()
            else:
                ear.nothing()
            state = gen.send(ready)
    except StopIteration as done:
        return done.value


class _Deadline:
    """An ear without patience."""

    def __init__(self, connection: psycopg.Connection[Any], seconds: float) -> None:
        self.connection, self.seconds = connection, seconds
        self.end = time.monotonic() + seconds

    def heard(self) -> None:
        pass

    def nothing(self) -> None:
        if time.monotonic() > self.end:
            self.connection.close()
            text = f"no answer from the server for {self.seconds:g} s"
            raise psycopg.OperationalError(text)


class _Refusal:
    """An ear that does not wait for a server when the work is to end."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop

    def heard(self) -> None:
        pass

    def nothing(self) -> None:
        if self.stop.take():
            raise KeyboardInterrupt


class _Ending:
    """An ear that lets the server end a statement when the work is to end."""

    def __init__(self, connection: psycopg.Connection[Any], stop: Stop) -> None:
        self.connection, self.stop = connection, stop
        self.asked, self.last = False, 0.0

    def heard(self) -> None:
        self.nothing()

    def nothing(self) -> None:
        self.asked = self.asked or self.stop.take()
        if self.asked and time.monotonic() > self.last + 1:  # it may have been early
            self.last = time.monotonic()
            with suppress(psycopg.Error):
                self.connection.cancel_safe(timeout=BRIEF)


class _Silence:
    """An ear that looks over a second connection what our session does."""

    def __init__(self, connection: Watched) -> None:
        self.connection = connection
        self.heard()

    def heard(self) -> None:
        self.began = self.since = time.monotonic()
        self.pause = PATIENCE
        self.stuck: str | None = None

    def nothing(self) -> None:
        now = time.monotonic()
        if now - self.since < self.pause:
            return
        if self.connection.info.transaction_status != TransactionStatus.ACTIVE:
            return  # nobody has asked: whoever listens to notifications may wait
        found, seen = None, self.stuck
        with suppress(psycopg.Error, OSError):
            found = self._look()
        self.since, self.stuck = time.monotonic(), found
        stuck = found and found == seen and not self.connection.burdened
        if found == GONE or stuck:
            self.connection.close()
            why = GONE if found == GONE else STUCK
            text = f"no answer from the server for {now - self.began:.0f} s, and {why}"
            raise psycopg.OperationalError(text)
        self.pause = PATIENCE if found else min(2 * self.pause, _SELDOM)

    def _look(self) -> str | None:
        """Return GONE, or what the session waits for us with, or None if it works."""
        info = self.connection.info
        where = way_back(
            self.connection,
            host=info.host,
            hostaddr=info.hostaddr or None,
            port=info.port,
            connect_timeout=max(2, int(BRIEF)),
            application_name="learnplan-db watch",
        )
        query = _LOOK.format(pid=info.backend_pid)
        with Brief.connect(where, autocommit=True, row_factory=tuple_row) as second:
            row = second.execute(query.encode()).fetchone()
        ours = self.connection.identity or ""
        if row is None or row[3] != ours.split()[-1]:
            return None  # another server answers
        if row[0] != ours:
            return GONE
        return f"{row[2]} {_unsent(self.connection)}" if row[1] else None


def _unsent(connection: psycopg.Connection[Any]) -> int:
    """Return how many bytes are on their way: while they get fewer, they arrive."""
    with suppress(OSError):
        answer = ioctl(connection.pgconn.socket, termios.TIOCOUTQ, b"\0" * 4)
        return int.from_bytes(answer, "little")
    return 0
