"""
One script on one session: its statements and its registry rows, all or nothing.

May import lower floors; never prints.
Source: psql, ON_ERROR_STOP; design, the engine.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg

from learnplan_db.engine.locks import HELD_BY, blockers
from learnplan_db.engine.losses import Checks
from learnplan_db.engine.session import (
    clean,
    idle_sql,
    reset_sql,
    set_up,
)
from learnplan_db.engine.watch import Watched
from learnplan_db.errors import OwnSqlError, RegistryError, ScriptError
from learnplan_db.psql import flight

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.engine.onlooker import Onlooker
    from learnplan_db.engine.resumption import Resumption
    from learnplan_db.engine.rows import Statements
    from learnplan_db.engine.session import Manner
    from learnplan_db.psql.script import Script
    from learnplan_db.psql.wire import Streams

    Connection = psycopg.Connection[Any]

UNCHECKED = Checks()
LOCK_TIMEOUT = "55P03"
TRANSIENT = {LOCK_TIMEOUT, "40P01", "40001"}
TRIES = 10
LONG = 1_000_000  # characters; a slow network is not silent while it brings them
# The rows are the deployer's, whatever role or path the script has taken.
OURS = (
    b"""select
  pg_catalog.set_config('learnplan_db.authorization',
    pg_catalog.current_setting('session_authorization'), true),
  pg_catalog.set_config('learnplan_db.role', pg_catalog.current_setting('role'), true),
  pg_catalog.set_config('learnplan_db.path',
    pg_catalog.current_setting('search_path'), true)""",
    b"set session authorization default",
    b"reset role",
    b"set local search_path = pg_catalog, pg_temp",
)
# What the script deferred to its commit runs as the script left it.
THEIRS = (
    b"""select
  pg_catalog.set_config('session_authorization',
    pg_catalog.current_setting('learnplan_db.authorization'), true),
  pg_catalog.set_config('role', pg_catalog.current_setting('learnplan_db.role'), true),
  pg_catalog.set_config('search_path',
    pg_catalog.current_setting('learnplan_db.path'), true)""",
)


@dataclass(frozen=True)
class Execution:
    """
    How scripts run: where their output goes, and how long locks are asked for.

    ``lock_sql`` is what Sqitch locks for each change; ``manner`` is the session's, and
    its seconds limit how long a change is tried again while a lock is in its way; the
    onlooker sees whose it is.
    """

    connection: Connection
    streams: Streams
    onlooker: Onlooker
    lock_sql: Statements
    manner: Manner

    @property
    def seconds(self) -> float:
        """Return how long locks are asked for."""
        return self.manner.seconds

    def run(
        self,
        text: Script,
        rows: Statements,
        resumption: Resumption | None = None,
        checks: Checks = UNCHECKED,
    ) -> None:
        """
        Run a script and write its rows; again while a lock is held.

        Args: resumption: asked before each statement, if it is not one transaction;
            checks: what else is run in its transaction, if it is one.
        Raises: ScriptError: it failed; a script that is one transaction leaves
            nothing behind. psycopg.Error: the rows were refused.
        """
        if text.wrapped:
            self._retry(lambda: self._run_wrapped(text, rows, checks), text.source)
            return
        try:
            # It cannot be tried again, so it waits once; 0 would be for ever.
            patience = max(1, int(self.seconds * 1000))
            self.connection.execute(f"set lock_timeout = {patience}".encode())
            self._take_time(text)
            guarded = self.manner.guard
            with self.onlooker.watching(self.connection, self.seconds):
                flight.run(
                    *(self.connection, text, self.streams),
                    skip=resumption,
                    guarded=guarded,
                )
            if self.connection.info.transaction_status:
                raise ScriptError.left_open(text.source)
        except ScriptError as error:
            self._clean()
            error.begun = resumption.begun if resumption else None
            if error.sqlstate in TRANSIENT:
                error.fix = self._blockers(error)
            elif len(text.verbs) > 1:
                error.fix = error.fix or _unwrapped(error.begun)
            raise
        self._clean()
        self.record(rows, text.source)

    def write(self, rows: Statements, source: str) -> None:
        """Write registry rows alone, in a transaction of their own."""
        self._retry(lambda: self._write_once(rows), source)

    def record(self, rows: Statements, source: str) -> None:
        """Write the rows of what has run; an error says so."""
        try:
            self.write(rows, source)
        except ScriptError as error:
            error.rows_alone = True
            raise

    def prepare(self) -> None:
        """Bring the session to the state in which every script starts."""
        set_up(self.connection, self.manner)

    def verify(self, text: Script, streams: Streams) -> None:
        """Run a verify script; whatever it leaves open is rolled back."""
        reset = self._reset
        try:
            if self.manner.guard:
                self.connection.execute("set row_security = on")
            self._take_time(text)
            flight.run(self.connection, text, streams, after=reset)
        except (OwnSqlError, psycopg.OperationalError) as error:
            self._clean()
            lost = error.error if isinstance(error, OwnSqlError) else error
            if self.connection.closed:
                raise ScriptError.connection_lost(lost, text.source) from error
            if lost is error:
                raise
        except BaseException:
            self._clean()
            raise
        if self.connection.info.transaction_status:
            self._clean()

    def _run_wrapped(self, text: Script, rows: Statements, checks: Checks) -> None:
        reset = self._reset
        self._take_time(text)
        try:
            recorded = flight.run(
                self.connection,
                text,
                self.streams,
                after_begin=(*self.lock_sql, *checks.first),
                before_end=(*OURS, *checks.last, *rows, *THEIRS),
                after=reset,
                guarded=self.manner.guard,
            )
        except OwnSqlError as error:
            if error.phase != "after":
                raise error.error from error
            recorded = True  # the script has committed: only our reset failed
            if self.connection.closed:
                raise ScriptError.connection_lost(error.error, text.source) from error
            self._clean()
        if not recorded:
            self._clean()
            self._write_once(rows)

    def _take_time(self, text: Script) -> None:
        """Let the server wait for a script that may run a program, or is long."""
        long = len(text.file.source.text) > LONG
        if isinstance(self.connection, Watched):
            self.connection.burdened = long
        if self.manner.idle and (long or not text.static):
            self.connection.execute(b";".join(idle_sql("0")))

    def _write_once(self, rows: Statements) -> None:
        statements = (b"begin", *self.lock_sql, *rows, b"commit")
        self.connection.execute(b";\n".join(statements))

    @cached_property
    def _reset(self) -> tuple[bytes, ...]:
        return reset_sql(self.connection, self.manner)

    def _clean(self) -> None:
        clean(self.connection, self.manner)

    def _retry(self, attempt: Callable[[], None], source: str) -> None:
        """
        Do what commits as a whole; again while a lock is in the way.

        A deadlock or a failed serialization is tried ten times at most.

        Raises: ScriptError: it failed and left nothing, or sessions hold the lock;
            RegistryError: a lock on the registry.
        """
        with self.onlooker.watching(self.connection, self.seconds):
            self._try(attempt, source)

    def _try(self, attempt: Callable[[], None], source: str) -> None:
        end = time.monotonic() + self.seconds
        for number in count(1):
            try:
                attempt()
            except (ScriptError, psycopg.OperationalError) as failure:
                self._clean()
                ours = not isinstance(failure, ScriptError)
                error = _told(failure, source)
                if error.sqlstate not in TRANSIENT:
                    raise error from failure
                left = end - time.monotonic()
                if left <= 0 or (number >= TRIES and error.sqlstate != LOCK_TIMEOUT):
                    error.fix = self._blockers(error)
                    if ours and error.sqlstate == LOCK_TIMEOUT:
                        locked = RegistryError.table_locked(error.fix, source)
                        locked.sqlstate = error.sqlstate
                        raise locked from failure
                    raise error from failure
                self.onlooker.again(error.message)
                # Longer each time: whoever queues behind us shall get on meanwhile.
                pause = random.uniform(0.1, 0.5) * min(number, TRIES)  # noqa: S311 - jitter, no secret
                time.sleep(min(pause, left))
            except BaseException:
                self._clean()
                raise
            else:
                return

    def _blockers(self, error: ScriptError) -> str:
        """Name who was seen in the way, else who may have been."""
        if self.onlooker.seen:
            return HELD_BY + "; ".join(self.onlooker.seen.values())
        return blockers(self.connection, error.statement)


def _unwrapped(begun: int | None) -> str:
    """Return what to do about a script that is not one transaction."""
    done = "" if begun is None else f" ({begun - 1} of its statements)"
    return (
        f"the script is not one transaction: look what it did before the error{done}, "
        "or make it one (begin; ... commit;)"
    )


def _told(failure: ScriptError | psycopg.Error, source: str) -> ScriptError:
    """Return a script's error as it is, one of our own statements with an address."""
    if isinstance(failure, ScriptError):
        return failure
    cause = ScriptError.failed if failure.sqlstate else ScriptError.connection_lost
    return cause(failure, source)
