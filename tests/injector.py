"""
A proxy that takes a session's statements one by one, and strikes between two of them.

The server gets the statements of a message as messages of their own, and the client
their answers as if it had been one. So each boundary is exact, and nothing in the
product is changed to make it so.
Source: PostgreSQL, "Message Flow", "Multiple Statements in a Simple Query".
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from messages import Gone, Message, Over, Place, Unit, When, read, units

if TYPE_CHECKING:
    from collections.abc import Callable

_ENCRYPTED = {80877103, 80877104}  # what asks for TLS or GSSAPI
_CANCEL = 80877102
_ASIDE = (b"looking on", b"learnplan-db watch")  # what looks, whenever it likes


class Silence(Exception):  # noqa: N818 - always caught, shown to nobody
    """Nothing is relayed any more, and both sockets stay open."""


@dataclass(eq=False)
class Injector:
    """
    The proxy: a TCP port in front of a server's port.

    ``units`` are the statements that came through since ``arm``; ``fired`` tells
    whether the blow that was armed has fallen.
    """

    upstream: int
    units: list[Unit] = field(default_factory=list)
    fired: bool = False

    def __post_init__(self) -> None:
        """Listen, and relay whatever comes."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.target: Place | None = None
        self.blow: Callable[[int], Exception] | None = None
        self.ready: Callable[[], None] = lambda: None
        self.muted: list[socket.socket] = []
        self.problems: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(
        self,
        target: Place | None = None,
        blow: Callable[[int], Exception] | None = None,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Count from here; strike at one place, if one is given.

        Args: blow: called with the process id of the server's side of the session;
            returns what becomes of the session; ready: called before a statement is
            sent that is to be struck while it runs.
        """
        self.units.clear()
        self.fired, self.target, self.blow, self.ready = False, target, blow, ready

    def strike(self, when: When, pid: int) -> None:
        """Let the blow fall if this is its place."""
        number = len(self.units) - 1
        if when == "before" and self.target == (number, "sent"):
            self.ready()
        if self.blow and self.target == (number, when):
            self.target, self.fired = None, True
            raise self.blow(pid)

    def heal(self) -> None:
        """Close what was left open, and wait until nothing is relayed."""
        while self.muted:
            self.muted.pop().close()
        self.rest()

    def rest(self) -> None:
        """Wait until nothing is relayed."""
        for thread in self._threads:
            thread.join(10)
        self._threads.clear()
        if self.problems:
            raise self.problems.pop()

    def close(self) -> None:
        """Listen no more."""
        self.heal()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                thread = threading.Thread(
                    target=self._relay, args=[client], daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _relay(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream))
        except OSError:
            client.close()
            return
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            _Session(self, client, server).run()
        except Silence:
            self.muted += [client, server]
            return
        except (Gone, OSError):
            pass
        except BaseException as problem:  # noqa: BLE001 - the test raises it
            self.problems.append(problem)
        client.close()
        server.close()


class _Session:
    """One client's connection, and ours to the server in its name."""

    def __init__(
        self, injector: Injector, client: socket.socket, server: socket.socket
    ) -> None:
        self.injector = injector
        self.client, self.server = client, server
        self.from_client, self.from_server = (
            client.makefile("rb"),
            server.makefile("rb"),
        )
        self.pid, self.aside = 0, False

    def run(self) -> None:
        """Relay until one side goes away or the blow falls."""
        try:
            self._run()
        except Over:
            self._last_words()
            raise
        finally:
            self.from_client.close()
            self.from_server.close()

    def _run(self) -> None:
        if not self._start():
            return
        while group := self._group():
            if group[0].kind == b"X":
                self.server.sendall(group[0].raw)
                return
            self._perform(list(units(group)))

    def _start(self) -> bool:
        """Relay the start of a session; False if it was no session."""
        while True:
            (size,) = struct.unpack("!i", self._exactly(4))
            body = self._exactly(size - 4)
            (code,) = struct.unpack("!i", body[:4])
            if code not in _ENCRYPTED:
                break
            self.client.sendall(b"N")
        self.aside = any(name in body for name in _ASIDE)
        self.server.sendall(struct.pack("!i", size) + body)
        if code == _CANCEL:
            return False
        while True:
            message = read(self.from_server)
            self.client.sendall(message.raw)
            if message.kind == b"K":
                self.pid = struct.unpack("!i", message.body[:4])[0]
            elif message.kind == b"Z":
                return True
            elif message.kind == b"E":
                return False
            elif message.kind == b"R" and struct.unpack("!i", message.body[:4])[
                0
            ] not in {0, 12}:
                self.server.sendall(read(self.from_client).raw)

    def _exactly(self, size: int) -> bytes:
        found = self.from_client.read(size)
        if len(found) < size:
            raise Over
        return found

    def _group(self) -> list[Message]:
        """Return a message, or those of the extended protocol up to their Sync."""
        group = [read(self.from_client)]
        while group[-1].kind not in {b"Q", b"S", b"X"}:
            group.append(read(self.from_client))
        return group

    def _perform(self, units: list[tuple[Unit, bytes]]) -> None:
        """Have units run one by one, until one fails; answer as one message."""
        for number, (unit, raw) in enumerate(units):
            if not self.aside:
                self.injector.units.append(unit)
            self._strike("before")
            self.server.sendall(raw)
            try:
                self._strike("sent")
            except Silence:  # the server has got the whole message
                self._unheard([rest for _, rest in units[number + 1 :]])
                raise
            answer, failed = self._answer()
            self._strike("after")
            done = unit.last or failed
            self.client.sendall(b"".join(answer if done else answer[:-1]))
            if done:
                return

    def _strike(self, when: When) -> None:
        if not self.aside:
            self.injector.strike(when, self.pid)

    def _unheard(self, rest: list[bytes]) -> None:
        """Have the server go on to the end of a message that it has got."""
        with suppress(Over, OSError):
            failed = self._answer()[1]
            for raw in rest:
                if failed:
                    return
                self.server.sendall(raw)
                failed = self._answer()[1]

    def _answer(self) -> tuple[list[bytes], bool]:
        """Return the messages up to ReadyForQuery, and whether there was an error."""
        answer, failed = [], False
        try:
            while True:
                message = read(self.from_server)
                answer.append(message.raw)
                failed = failed or message.kind == b"E"
                if message.kind == b"Z":
                    return answer, failed
        except Over:
            self.client.sendall(b"".join(answer))
            raise

    def _last_words(self) -> None:
        """Pass on why the server ended the session, if it said so."""
        with suppress(Over, OSError):
            self.server.settimeout(5)
            while True:
                message = read(self.from_server)
                if message.kind in {b"E", b"N"}:
                    self.client.sendall(message.raw)
