"""
One script on one session: its statements and its registry rows, all or nothing.

May import lower floors; never prints.
Source: psql, ON_ERROR_STOP; design, the engine.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row

from learnplan_db import script
from learnplan_db.errors import ScriptError
from learnplan_db.session import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learnplan_db.script import Script

    Connection = psycopg.Connection[Any]

TRANSIENT = {"55P03", "40P01", "40001"}
TRIES = 10


def run(
    connection: Connection, text: Script, record: Callable[[], None], seconds: float
) -> None:
    """
    Run a script and its registry rows; try a wrapped one again when a lock is held.

    Raises: ScriptError: it failed; a wrapped script leaves nothing behind.
    """
    if not text.wrapped:
        try:
            for statement in text.statements:
                script.execute(connection, statement, text.source)
        except ScriptError as error:
            clean(connection)
            if error.sqlstate in TRANSIENT:
                error.fix = _blockers(connection, error.statement)
            raise
        clean(connection)
    _retry(connection, lambda: _run_once(connection, text, record), seconds)


def run_verify(connection: Connection, text: Script) -> None:
    """Run a verify script; whatever it leaves open is rolled back."""
    try:
        with _scripted(text.source):
            connection.execute("set row_security = on")
        for statement in text.statements:
            script.execute(connection, statement, text.source)
    finally:
        clean(connection)


def _retry(connection: Connection, attempt: Callable[[], None], seconds: float) -> None:
    """
    Do what commits as a whole; again, up to ten times, when a lock is in the way.

    Raises: ScriptError: it failed and left nothing, or named sessions hold the lock.
    """
    end = time.monotonic() + seconds
    for number in range(1, TRIES + 1):
        try:
            attempt()
        except ScriptError as error:
            clean(connection)
            if error.sqlstate not in TRANSIENT:
                raise
            if number == TRIES or time.monotonic() > end:
                error.fix = _blockers(connection, error.statement)
                raise
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - jitter, not a secret
        else:
            clean(connection)
            return


def _run_once(connection: Connection, text: Script, record: Callable[[], None]) -> None:
    """Run a wrapped script with its rows; of another, write the rows that it lacks."""
    if text.wrapped:
        _run_wrapped(connection, text, record)
        return
    with _scripted(text.source), connection.transaction():
        connection.execute("lock table sqitch.changes in exclusive mode")
        record()


@contextmanager
def _scripted(source: str) -> Iterator[None]:
    """Turn an error of our own statements around a script into a ScriptError."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise ScriptError.registry_locked(source, error) from error
    except psycopg.OperationalError as error:
        cause = ScriptError.failed if error.sqlstate else ScriptError.connection_lost
        raise cause(error, source) from error
    except psycopg.Error as error:
        raise ScriptError.failed(error, source) from error


def _run_wrapped(
    connection: Connection, text: Script, record: Callable[[], None]
) -> None:
    first, *body, last = text.statements
    cursor = connection.cursor(row_factory=tuple_row)
    with _scripted(text.source):
        row = cursor.execute("select pg_catalog.current_setting('role')").fetchone()
    own = row[0] if row else "none"
    script.execute(connection, first, text.source)
    with _scripted(text.source):
        connection.execute("lock table sqitch.changes in exclusive mode")
    for statement in body:
        script.execute(connection, statement, text.source)
    become = "select pg_catalog.set_config('role', %s, true)"
    with _scripted(text.source):
        # The script may have changed role; the rows are the deployer's.
        row = cursor.execute("select pg_catalog.current_setting('role')").fetchone()
        cursor.execute(become, [own])
        record()
        cursor.execute(become, [row[0] if row else own])
    script.execute(connection, last, text.source)


def _blockers(connection: Connection, statement: str | None) -> str:
    """Name the sessions that hold locks, those on what the statement names first."""
    if connection.closed:
        return "connect again and look at pg_stat_activity"
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(
        """
        select
          format('pid %%s, %%s, %%s, %%s, query of %%s s ago', a.pid, a.usename,
            coalesce(nullif(a.application_name, ''), 'no name'), a.state,
            round(extract(epoch from clock_timestamp() - a.query_start)))
        from pg_catalog.pg_locks as l
        inner join pg_catalog.pg_stat_activity as a on a.pid = l.pid
        inner join pg_catalog.pg_class as c on c.oid = l.relation
        where l.granted and a.pid <> pg_catalog.pg_backend_pid()
          and a.datname = current_database()
          and c.relnamespace::regnamespace::text not in
            ('pg_catalog', 'pg_toast', 'information_schema')
        group by a.pid, a.usename, a.application_name, a.state, a.query_start,
          a.xact_start
        order by max((strpos(%s, c.relname) > 0)::int) desc, a.xact_start, a.pid
        limit 3""",
        [statement or "sqitch.changes"],
    ).fetchall()
    if not rows:
        return "run the command again: whoever held the lock is gone"
    return "locks are held by " + "; ".join(row[0] for row in rows)
