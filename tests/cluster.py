"""
A server on a port of its own, the injector before it, and what the injector does to it.

What was committed outlives an immediate shutdown. COMMIT can be held before it is
durable, by a trigger that waits for a lock, and after, by a standby that never answers.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg

from injector import Injector, Silence
from learnplan_db.server import processes
from messages import Gone, Over
from strikes import QUIET

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.server.embedded import Server
    from strikes import Fault

GATE = 4711
# Every change writes an event: its COMMIT runs this.
SLOW_COMMIT = f"""
create or replace function public.slow_commit() returns trigger language plpgsql as $$
begin
  perform pg_catalog.pg_advisory_xact_lock_shared({GATE});
  return null;
end $$;
create constraint trigger slow_commit after insert on sqitch.events
deferrable initially deferred for each row execute function public.slow_commit()"""
FOUND = "alter system reset synchronous_standby_names"
WAITS = {"gate": "advisory", "standby": "SyncRep", "table": "virtualxid"}


class Cluster:
    """
    The server and a session that looks.

    ``pid`` is the client's, once it is ``started``; ``struck`` tells that a fault has
    happened.
    """

    def __init__(self, server: Server, port: int) -> None:
        self.server, self.port = server, port
        self.injector = Injector(port)
        self.started, self.struck = threading.Event(), threading.Event()
        self.pid = self.backend = 0
        self.lost = False  # the standby
        self.table = ""  # on which indexes are built
        self.admin = psycopg.connect(server.dsn(), autocommit=True)
        self.holder: psycopg.Connection[Any] | None = None
        self.admin.execute("alter role all set synchronous_commit = local")
        self.admin.execute("alter role postgres password 'secret'")

    def look(self) -> psycopg.Connection[Any]:
        """Return the session that looks; a new one after a crash."""
        if self.admin.closed:
            self.admin = psycopg.connect(self.server.dsn(), autocommit=True)
        return self.admin

    def ask(self, query: str) -> Any:
        """Return the first field of the first row, or None."""
        row = self.look().execute(query.encode()).fetchone()
        return row and row[0]

    def wait(self, query: str) -> None:
        """Wait until a query has an answer; 15 seconds at most."""
        end = time.monotonic() + 15
        while self.ask(query) is None:
            assert time.monotonic() < end, query
            time.sleep(0.003)

    def prepare(self, fault: Fault | None) -> None:
        """Arm the injector, or have it do nothing but count."""
        self.started.clear()
        self.struck.clear()
        if fault is None:
            self.injector.arm()
            return
        holds = {
            "gate": self._close_gate,
            "standby": self._lose_standby,
            "table": self._use_table,
        }
        ready = holds.get(fault.hold, lambda: None)
        self.injector.arm(fault.place, partial(self._strike, fault), ready)

    def settle(self, fault: Fault) -> None:
        """Wait until what was struck is as it stays, but for a silent session."""
        self._find_standby()
        self.injector.rest()
        if fault.way not in QUIET:
            self.wait(
                "select 1 where not exists (select from pg_stat_activity"
                f" where pid = {self.backend})"
            )
        self._let_go()

    def close(self) -> None:
        """Look no more."""
        self.injector.close()
        self._let_go()
        self.admin.close()

    def _strike(self, fault: Fault, backend: int) -> Exception:
        """Let a fault happen; the injector learns what becomes of the session."""
        assert self.started.wait(10)
        self.backend = backend
        if fault.hold:
            self.wait(
                f"select 1 from pg_stat_activity where pid = {backend}"
                f" and wait_event = '{WAITS[fault.hold]}'"
            )
        ways: dict[str, Callable[[], Exception]] = {
            "kill": self._kill,
            "terminate": self._terminate,
            "crash": self._crash,
            "silence": self._silence,
            "vanish": self._vanish,
        }
        try:
            return ways[fault.way]()
        finally:
            self.struck.set()

    # The ways.

    def _kill(self) -> Exception:
        os.kill(self.pid, signal.SIGKILL)
        return Gone()

    def _terminate(self) -> Exception:
        assert self.ask(f"select pg_terminate_backend({self.backend}, 5000)")
        self._find_standby()
        self._let_go()
        return Over()

    def _crash(self) -> Exception:
        if self.lost:  # written, not read: whoever goes on finds no such outage
            self.look().execute(FOUND)
        lines = (self.server.data / "postmaster.pid").read_text().split("\n")
        postmaster = int(lines[0])
        os.kill(postmaster, signal.SIGQUIT)
        assert processes.wait_until_gone(postmaster, self.server.data, 15)
        with suppress(ChildProcessError):  # no zombie, if nobody else has waited
            os.waitpid(postmaster, 0)
        self.admin.close()
        return Over()

    def _silence(self) -> Exception:
        self._find_standby()  # what is committed now is not heard of
        self._let_go()
        return Silence()

    def _vanish(self) -> Exception:
        os.kill(self.pid, signal.SIGKILL)  # and its system cannot say so any more
        return self._silence()

    # What holds a statement.

    def _close_gate(self) -> None:
        self.ask(f"select pg_advisory_lock({GATE})")

    def _use_table(self) -> None:
        self.holder = psycopg.connect(self.server.dsn())
        self.holder.execute(f"lock table {self.table} in row exclusive mode".encode())

    def _let_go(self) -> None:
        self.ask("select pg_advisory_unlock_all()")
        if self.holder:
            self.holder.close()
            self.holder = None

    def _lose_standby(self) -> None:
        """Have a standby that never answers, and see that a COMMIT waits for it."""
        self.look().execute("alter system set synchronous_standby_names = 'ghost'")
        self.ask("select pg_reload_conf()")
        self.lost, waits = True, False
        while not waits:
            with psycopg.connect(self.server.dsn(), autocommit=True) as probe:
                probe.execute("set synchronous_commit = on")
                probe.pgconn.send_query(b"select pg_logical_emit_message(true, '', '')")
                pid = probe.info.backend_pid
                state = f"from pg_stat_activity where pid = {pid}"
                ended = "query ~ 'emit' and state = 'idle'"
                self.wait(f"select 1 {state} and (wait_event = 'SyncRep' or {ended})")
                waits = self.ask(f"select wait_event = 'SyncRep' {state}")
                self.ask(f"select pg_terminate_backend({pid}, 5000)")
                probe.close()

    def _find_standby(self) -> None:
        if self.lost:
            self.look().execute(FOUND)
            self.ask("select pg_reload_conf()")
            self.lost = False
