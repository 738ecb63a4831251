"""
One session with the server: connected, fit for a deploy, locked, left as it was.

May import config and errors; never prints.
Source: libpq; PostgreSQL, "Client Connection Defaults"; design, the engine.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from learnplan_db.errors import ConnectError, RegistryError
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Connection = psycopg.Connection[Any]

T = TypeVar("T")
APPLICATION_NAME = "learnplan-db"
# A table's lock is asked for this long; then the queue behind us passes, and a change
# that is one transaction is tried again.
TABLE_LOCK_TIMEOUT = 2.0
LONGEST = 2_147_483  # seconds, all that the server's lock_timeout can hold
# What a script may leave in a session; DISCARD ALL would give Sqitch's lock away too.
_RESETS = (
    b"set session authorization default",
    b"reset role",
    b"reset all",
    b"close all",
    b"unlisten *",
    b"discard temp",
    b"discard sequences",
)
# The server looks whether we live (where its system can), so that the locks of a
# killed deploy end with it. A script that waits must not stop another's index build.
_SETTINGS = """select
  pg_catalog.set_config('application_name', '{name}', false),
  pg_catalog.set_config('lock_timeout', '{timeout}', false),
  pg_catalog.set_config('row_security', '{row_security}', false),
  pg_catalog.set_config('default_transaction_read_only', 'off', false),
  pg_catalog.set_config('standard_conforming_strings', 'on', false),
  pg_catalog.set_config('datestyle', 'ISO', false),
  pg_catalog.set_config('client_connection_check_interval',
    case when pg_catalog.version() like '%linux%' then '1s' else '0' end, false)"""
LOCK = 75474063  # Sqitch's own key, so that both tools exclude each other
OLDEST = 150000
_DAMAGED = {"3F000", "42703", "42P01", "42P07"}  # a schema, column, table: not as known
# The first minors without CVE-2024-10976, CVE-2024-10978 and CVE-2025-8713.
SAFE = {15: 150014, 16: 160010, 17: 170006}


def connect(conninfo: str) -> Connection:
    """
    Return a connection in autocommit, set up for a deploy.

    Raises: ConnectError: with the server's reason, and never a password;
        ConfigError: the conninfo is malformed.
    """
    known = conninfo_to_dict(config.usable(conninfo))
    try:
        connection = psycopg.connect(
            conninfo,
            autocommit=True,
            prepare_threshold=None,
            client_encoding="utf8",
            fallback_application_name=APPLICATION_NAME,
        )
        if connection.info.server_version < OLDEST:
            connection.close()
            raise ConnectError.too_old(config.display(conninfo))
        _begin(connection)
    except psycopg.Error as error:
        text = str(error)
        if password := known.get("password"):
            text = text.replace(str(password), "…")
        raise ConnectError.refused(config.display(conninfo), text) from error
    return connection


def _begin(connection: Connection) -> None:
    """
    Set a fresh session up; one that a pooler lends is others' too, and left alone.

    A pooler tells its clients a process id of its own making.
    """
    ours = f" where pg_catalog.pg_backend_pid() = {connection.info.backend_pid}"
    connection.execute(_settings(guard=False) + ours.encode())


def outdated(connection: Connection) -> str | None:
    """Return a warning if the server's minor version has known holes, else None."""
    found = connection.info.server_version
    safe = SAFE.get(found // 10000, 0)
    if found >= safe:
        return None
    return (
        f"PostgreSQL {found // 10000}.{found % 10000} has known security holes in row "
        f"security and statistics; upgrade to {safe // 10000}.{safe % 10000} or later"
    )


def reset_sql(
    connection: Connection, *, guard: bool = False, seconds: float = LONGEST
) -> tuple[bytes, ...]:
    """
    Return what brings a session that was set up back to where every script starts.

    Plain statements: planning a query of functions costs as much as all of them.
    Args: guard: refuse data changes that row security would silently narrow; seconds:
        wait no longer for a table's lock, if that is less than usual.
    """
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute("show client_connection_check_interval").fetchone()
    return (
        *_resets(connection),
        f"set application_name = '{APPLICATION_NAME}'".encode(),
        f"set lock_timeout = '{lock_timeout(seconds)}'".encode(),
        f"set row_security = {'off' if guard else 'on'}".encode(),
        b"set default_transaction_read_only = off",
        b"set standard_conforming_strings = on",
        b"set datestyle = iso",  # of what is read; the order of day and month stays
        f"set client_connection_check_interval = '{row[0] if row else 0}'".encode(),
    )


def _resets(connection: Connection) -> tuple[bytes, ...]:
    # psycopg has statements prepared on its own, unless it is told not to.
    prepared = (b"deallocate all",) if connection.prepare_threshold is None else ()
    return (*_RESETS, *prepared)


def lock_timeout(seconds: float = LONGEST) -> str:
    """Return the setting for one try, a millisecond at least: 0 is for ever."""
    return f"{max(1, round(min(seconds, TABLE_LOCK_TIMEOUT) * 1000))}ms"


def _settings(*, guard: bool, seconds: float = LONGEST) -> bytes:
    return _SETTINGS.format(
        name=APPLICATION_NAME,
        timeout=lock_timeout(seconds),
        row_security="off" if guard else "on",
    ).encode()


def set_up(
    connection: Connection, *, guard: bool = False, seconds: float = LONGEST
) -> None:
    """Bring the session to the state in which every script starts."""
    settings = _settings(guard=guard, seconds=seconds)
    connection.execute(b";".join((*_resets(connection), settings)))


def clean(
    connection: Connection, *, guard: bool = False, seconds: float = LONGEST
) -> None:
    """Leave no transaction, role or setting of a script behind."""
    if not connection.closed:
        with suppress(psycopg.OperationalError):
            connection.rollback()
            set_up(connection, guard=guard, seconds=seconds)


@contextmanager
def told(connection: Connection) -> Iterator[None]:
    """Turn what the server says of the registry into an error with an address."""
    try:
        yield
    except psycopg.Error as error:
        where = config.display(connection.info.dsn) if not connection.closed else None
        text = error.diag.message_primary or str(error).partition("\n")[0]
        if connection.closed:
            raise ConnectError.lost(text) from error
        if isinstance(error, psycopg.errors.LockNotAvailable):
            raise RegistryError.table_locked(blockers(connection), where) from error
        if error.sqlstate in _DAMAGED:
            raise RegistryError.damaged(text, where) from error
        raise RegistryError.unusable(text, where) from error


@contextmanager
def fit(connection: Connection, *, reading: bool = False) -> Iterator[None]:
    """
    Look at the registry where scripts may run; no statement waits long for a lock.

    Not behind a pooler, whose sessions are not ours, nor on a standby.
    Args: reading: nothing is to be written, so that a standby will do.
    Raises: ConnectError: saying which.
    """
    if not connection.autocommit:
        raise ValueError("the connection must be in autocommit")
    ours = f"pg_catalog.pg_backend_pid() = {connection.info.backend_pid}"
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(
        f"""
        select pg_catalog.pg_is_in_recovery(), {ours}, case
          when {ours} and pg_catalog.current_setting('lock_timeout') = '0'
          then pg_catalog.set_config('lock_timeout', '{lock_timeout()}', false)
        end""".encode()
    ).fetchone()
    standby, direct, limited = row or (False, False, None)
    try:
        if not direct:
            raise ConnectError.pooler(config.display(connection.info.dsn))
        if standby and not reading:
            raise ConnectError.standby(config.display(connection.info.dsn))
        yield
    finally:
        if limited and not connection.closed:
            connection.execute("reset lock_timeout")


def look(question: Callable[[], T], seconds: float) -> T:
    """Ask the registry; again while somebody locks its tables, for some seconds."""
    end = time.monotonic() + seconds
    while True:
        try:
            return question()
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() > end:
                raise


def lock(
    connection: Connection, seconds: float, blocked: Callable[[str], None]
) -> None:
    """
    Take Sqitch's lock for the session, asking again rather than waiting in a statement.

    A waiter inside a statement would stall somebody's CREATE INDEX CONCURRENTLY.
    Args: seconds: how long to ask; blocked: called once with who holds it.
    Raises: RegistryError: it stays held.
    """
    end, told = time.monotonic() + seconds, False
    cursor = connection.cursor(row_factory=tuple_row)
    while True:
        row = cursor.execute(
            "select pg_catalog.pg_try_advisory_lock(%s::bigint)", [LOCK]
        ).fetchone()
        if row and row[0]:
            return
        holder = _holder(connection)
        if not told:
            blocked(holder)
            told = True
        if time.monotonic() > end:
            raise RegistryError.locked(seconds, holder)
        time.sleep(random.uniform(0.05, 0.25))  # noqa: S311 - jitter, not a secret


def unlock(connection: Connection) -> None:
    """Give the lock back, as often as this session took it."""
    connection.execute("select pg_catalog.pg_advisory_unlock(%s::bigint)", [LOCK])


def _holder(connection: Connection) -> str:
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(
        """
        select concat_ws(' ', 'pid', a.pid, a.usename, a.application_name, a.state)
        from pg_catalog.pg_locks as l
        inner join pg_catalog.pg_stat_activity as a on a.pid = l.pid
        where l.locktype = 'advisory' and l.granted and l.objid = %s
          and l.classid = 0 and l.objsubid = 1 and l.database = (
            select oid from pg_catalog.pg_database where datname = current_database())
        limit 1""",
        [LOCK],
    ).fetchone()
    return str(row[0]) if row else "a session that has just ended"


def blockers(connection: Connection, statement: str | None = None) -> str:
    """
    Name the sessions that hold locks, those on what a statement names first.

    Args: statement: what waited; the registry's when None.
    """
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
        [statement or "changes"],
    ).fetchall()
    if not rows:
        return "run the command again: whoever held the lock is gone"
    return "locks are held by " + "; ".join(row[0] for row in rows)
