"""A proxy between client and server that loses what one is told to lose."""

from __future__ import annotations

import os
import re
import socket
import threading
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Literal

    Fault = Literal["before", "after", "silent", "deaf"]

_READY = re.compile(rb"Z\x00\x00\x00\x05[ITE]\Z")  # the server awaits a message
_CHUNK = 1 << 20
LOCKS = "select count(*) from pg_locks where locktype = 'advisory'"


class Proxy:
    """
    TCP to one server; a fault strikes the connection whose client says a word.

    ``before``: the message never arrives, and the connection ends. ``after``: the
    server has done all that it says, and the connection ends before the client hears
    of it. ``silent``: neither side hears of the other again, and each believes it is
    connected. ``deaf``: the same, but the server has got that message. ``retold`` is
    what the server says, and what the client hears in its place.
    """

    def __init__(self, dsn: str, host: str = "127.0.0.1") -> None:
        """Listen."""
        known = conninfo_to_dict(dsn)
        self._server = str(known["host"]), int(known["port"])
        self._listener = socket.create_server((host, 0))
        port = self._listener.getsockname()[1]
        more = {"host": host, "port": port, "sslmode": "disable"}
        self.dsn = make_conninfo(dsn, **more, gssencmode="disable")
        self.faults: list[tuple[bytes, Fault]] = []
        self.retold: dict[bytes, bytes] = {}
        self.struck = threading.Event()
        self.accepted = 0
        self.closed = False
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, task: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=task, daemon=True))
        self._threads[-1].start()

    def _reach(self) -> socket.socket:
        host, port = self._server
        if not host.startswith("/"):
            return socket.create_connection(self._server)
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def on(self, word: str, fault: Fault) -> None:
        """Strike once, when a client says a word; faults strike in their order."""
        self.faults.append((word.encode(), fault))

    def refuse(self) -> None:
        """Listen no more: who connects is refused."""
        self.closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self) -> None:
        """End all connections."""
        self.refuse()
        for one in self._open:
            _end(one)
        for thread in self._threads:
            thread.join(10)
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        while not self.closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            server = self._reach()
            self._open += [client, server]
            pair = _Pair(self, client, server)
            self._start(pair.ask)
            self._start(pair.answer)


class _Pair:
    """One connection."""

    def __init__(
        self, proxy: Proxy, client: socket.socket, server: socket.socket
    ) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.fault: Fault | None = None

    def ask(self) -> None:
        """Pass on what the client says."""
        while data := _received(self.client):
            if self.fault:
                continue
            faults = self.proxy.faults
            if faults and faults[0][0] in data:
                self.fault = faults.pop(0)[1]
                if self.fault == "before":
                    break
                if self.fault in {"after", "deaf"}:
                    self.server.sendall(data)
                if self.fault != "after":
                    self.proxy.struck.set()
                continue
            with suppress(OSError):
                self.server.sendall(data)
        if self.fault not in {"silent", "deaf"}:
            self.end()

    def answer(self) -> None:
        """Pass on what the server says."""
        said = b""
        while data := _received(self.server):
            for text, other in self.proxy.retold.items():
                data = data.replace(text, other)
            said = said[-6:] + data
            if self.fault is None:
                with suppress(OSError):
                    self.client.sendall(data)
            elif self.fault == "after" and _READY.search(said):
                break
        if self.fault not in {"silent", "deaf"}:
            self.end()

    def end(self) -> None:
        """End both sides."""
        _end(self.client)
        _end(self.server)
        self.proxy.struck.set()


def _received(one: socket.socket) -> bytes:
    try:
        return one.recv(_CHUNK)
    except OSError:
        return b""


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def make_proxy() -> Iterator[Callable[[str], Proxy]]:
    """Provide a maker of proxies; none lives on where a test would hang."""
    made: list[Proxy] = []

    def make(dsn: str) -> Proxy:
        made.append(Proxy(dsn))
        return made[-1]

    last = threading.Timer(60, lambda: [one.close() for one in made])
    last.start()
    yield make
    last.cancel()
    for proxy in made:
        proxy.close()


@pytest.fixture
def proxy(make_proxy: Callable[[str], Proxy], database: str) -> Proxy:
    """Provide a proxy to the empty database."""
    return make_proxy(database)


@pytest.fixture(scope="session")
def _networked() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    server = Server(None, environ=os.environ)
    try:
        with psycopg.connect(server.start(port=port).dsn(), autocommit=True) as admin:
            admin.execute("alter role postgres password 'hush-hush'")
        more = {"host": "127.0.0.1", "port": port, "password": "hush-hush"}
        yield make_conninfo(server.dsn(), **more)
    finally:
        server.stop()


@pytest.fixture
def networked(_networked: str) -> str:
    """Provide an empty database of a server on TCP, which demands a password."""
    name = f"learnplan_empty_{uuid.uuid4().hex[:10]}"
    with psycopg.connect(_networked, autocommit=True) as admin:
        admin.execute(f"create database {name} template template0".encode())
    return make_conninfo(_networked, dbname=name)


def words(told: list[Any]) -> str:
    """Return what was told as one text."""
    return "\n".join(
        " ".join(filter(None, (one.action, one.label, one.state, one.detail)))
        for one in told
    )
