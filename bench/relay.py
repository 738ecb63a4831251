"""
A TCP relay on the loopback that makes every byte late, as a long line does.

Adds delay, never a limit of bandwidth: what arrives together leaves together, so much
later. The handshake of TCP itself is not delayed; a real line would cost each new
connection one round trip more. Counts round trips, for one connection at a time. Never
prints.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Self

LOOPBACK = "127.0.0.1"
CHUNK = 1 << 16
FLUSH = b"H\0\0\0\4"  # which libpq sends on its own, and nobody waits for


class Relay:
    """
    A listening port whose connections go to another port of the loopback.

    Args: port: where the server listens; delay: seconds added to each direction, so
        that a round trip takes twice that; host: the server's, or the directory of its
        socket.
    """

    def __init__(self, port: int, delay: float, host: str = LOOPBACK) -> None:
        self._host, self._server_port = host, port
        self._delay = delay
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self.port = 0
        self.round_trips = 0  # how often the client spoke after the server had
        self._answered = True
        self._kept: set[object] = set()  # asyncio itself holds its tasks weakly

    def __enter__(self) -> Self:
        """Listen on a free port, named by ``port``."""
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the port and every connection through it."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())
            while left := asyncio.all_tasks(self._loop):  # one may begin meanwhile
                for task in left:
                    task.cancel()
                self._loop.run_until_complete(asyncio.wait(left))
            self._loop.run_until_complete(asyncio.sleep(0))  # what close() put off

    async def _serve(self) -> None:
        try:
            listener = await asyncio.start_server(self._accept, LOOPBACK, 0)
            self.port = listener.sockets[0].getsockname()[1]
        finally:
            self._ready.set()
        await self._stop.wait()
        listener.close()

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Join a new client with a connection of its own to the server."""
        self._kept.add(asyncio.current_task())
        # Cancelled at the end: asyncio would say so of each connection on stderr.
        ended = contextlib.suppress(OSError, asyncio.CancelledError)
        with ended, contextlib.closing(writer):
            if self._host.startswith("/"):
                path = f"{self._host}/.s.PGSQL.{self._server_port}"
                there, back = await asyncio.open_unix_connection(path)
            else:
                there, back = await asyncio.open_connection(
                    self._host, self._server_port
                )
            with contextlib.closing(back):
                await asyncio.gather(
                    self._carry(reader, back, from_client=True),
                    self._carry(there, writer, from_client=False),
                )

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        from_client: bool,
    ) -> None:
        """Pass one direction on until it ends; reading never waits for writing."""
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sending = asyncio.ensure_future(self._send(late, writer))
        try:
            data = b"."
            while data:
                try:
                    data = await reader.read(CHUNK)
                except ConnectionError:
                    data = b""
                self._count(data, from_client=from_client)
                late.put_nowait((self._loop.time() + self._delay, data))
            await sending
        finally:
            sending.cancel()

    def _count(self, data: bytes, *, from_client: bool) -> None:
        """Count what the client says, however many pieces, until it is answered."""
        if data not in {b"", FLUSH}:
            self.round_trips += from_client and self._answered
            self._answered = not from_client

    async def _send(
        self, late: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        """Write what is due; nothing at all means that the other side has ended."""
        while True:
            due, data = await late.get()
            await asyncio.sleep(due - self._loop.time())
            if not data:
                with contextlib.suppress(OSError, RuntimeError):
                    writer.write_eof()
                return
            writer.write(data)
