"""
One session with the server: connected, fit for a deploy, locked, left as it was.

May import config and errors; never prints.
Source: libpq; PostgreSQL, "Client Connection Defaults"; design, the engine.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import tuple_row

from learnplan_db.engine.locks import blockers
from learnplan_db.engine.watch import IDENTITY, SERVERS, Watched, fallbacks, local
from learnplan_db.errors import ConnectError, RegistryError
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learnplan_db.errors import LearnplanError

    Connection = psycopg.Connection[Any]

T = TypeVar("T")
APPLICATION_NAME = "learnplan-db"
# A table's lock is asked for this long; then the queue behind us passes, and a change
# that is one transaction is tried again.
TABLE_LOCK_TIMEOUT = 2.0
# A server ends the session of a deploy that is silent for so long, and Sqitch's lock
# with it; the next deploy asks for that lock for 60 s.
IDLE = "30s"
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
# A login's timeouts are meant for an application's statements; a deploy is not to end
# half-way of them (pg_dump does the same). What is stored of a function's settings is
# without needless quotes. The server looks whether we live (where its system can), so
# that the locks of a killed deploy end with it. A script that waits must not stop
# another's index build.
_SETTINGS = """select
  pg_catalog.set_config('application_name', '{name}', false),
  pg_catalog.set_config('lock_timeout', '{timeout}', false),
  pg_catalog.set_config('row_security', '{row_security}', false),
  pg_catalog.set_config('default_transaction_read_only', 'off', false),
  pg_catalog.set_config('standard_conforming_strings', 'on', false),
  pg_catalog.set_config('quote_all_identifiers', 'off', false),
  pg_catalog.set_config('statement_timeout', '0', false),
  pg_catalog.set_config('idle_session_timeout', '0', false),
  pg_catalog.set_config('idle_in_transaction_session_timeout', '0', false),
  case when pg_catalog.current_setting('transaction_timeout', true) is not null
    then pg_catalog.set_config('transaction_timeout', '0', false) end,
  pg_catalog.set_config('datestyle', 'ISO', false),
  pg_catalog.set_config('client_connection_check_interval',
    case when pg_catalog.version() like '%linux%' then '1s' else '0' end, false)"""
OLDEST = 150000
TIMED = 170000  # has transaction_timeout
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
        connection = Watched.connect(
            make_conninfo(conninfo, **fallbacks(known)),
            autocommit=True,
            prepare_threshold=None,
            client_encoding="utf8",
            fallback_application_name=APPLICATION_NAME,
        )
        if connection.info.server_version < OLDEST:
            connection.close()
            raise ConnectError.too_old(config.display(conninfo))
        _begin(connection)
    # What is no name of a host Python refuses in its own words.
    except (psycopg.Error, ValueError) as error:
        text = str(error)
        if password := known.get("password"):
            text = text.replace(str(password), "…")
        raise ConnectError.refused(config.display(conninfo), text) from error
    return connection


def _begin(connection: Watched) -> None:
    """
    Set a fresh session up; one that a pooler lends is others' too, and left alone.

    A pooler tells its clients a process id of its own making.
    """
    pid = connection.info.backend_pid
    asked, ours = "", f" where pg_catalog.pg_backend_pid() = {pid}"
    if not local(connection):
        asked = f", {IDENTITY.format(pid=pid)}"
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute((_settings(PLAIN) + asked + ours).encode()).fetchone()
    connection.identity = row[-1] if row and asked else None
    connection.fresh = False


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


@dataclass(frozen=True, slots=True)
class Manner:
    """
    How a session is to be: every script starts in it.

    Args: guard: refuse data changes that row security would silently narrow; seconds:
        wait no longer for a table's lock, if that is less than usual; idle: how long
        the server waits for us, 0 for ever, None if it is no deploy's session.
    """

    guard: bool = False
    seconds: float = LONGEST
    idle: str | None = None


PLAIN = Manner()


def reset_sql(connection: Connection, manner: Manner) -> tuple[bytes, ...]:
    """
    Return what brings a session that was set up back to where every script starts.

    Plain statements: planning a query of functions costs as much as all of them.
    """
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute("show client_connection_check_interval").fetchone()
    return (
        *_resets(connection),
        f"set application_name = '{APPLICATION_NAME}'".encode(),
        f"set lock_timeout = '{lock_timeout(manner.seconds)}'".encode(),
        f"set row_security = {'off' if manner.guard else 'on'}".encode(),
        b"set default_transaction_read_only = off",
        b"set standard_conforming_strings = on",
        b"set quote_all_identifiers = off",
        *(f"set {name} = 0".encode() for name in _timeouts(connection)),
        b"set datestyle = iso",  # of what is read; the order of day and month stays
        f"set client_connection_check_interval = '{row[0] if row else 0}'".encode(),
        *_patience(connection, manner),
    )


def _patience(connection: Connection, manner: Manner) -> Iterator[bytes]:
    """Yield what makes the server notice that its client is no more."""
    if not local(connection):
        for name, value in SERVERS.items():
            yield f"set {name} = {value}".encode()
    if manner.idle is not None:
        yield from idle_sql(manner.idle)


def idle_sql(value: str) -> tuple[bytes, ...]:
    """Return what sets how long the server waits for us, in or out of transactions."""
    names = "idle_session_timeout", "idle_in_transaction_session_timeout"
    return tuple(f"set {name} = '{value}'".encode() for name in names)


def _resets(connection: Connection) -> tuple[bytes, ...]:
    # psycopg has statements prepared on its own, unless it is told not to.
    prepared = (b"deallocate all",) if connection.prepare_threshold is None else ()
    return (*_RESETS, *prepared)


def _timeouts(connection: Connection) -> tuple[str, ...]:
    """Return what else than a lock ends statements, transactions and sessions."""
    newer = ("transaction_timeout",) * (connection.info.server_version >= TIMED)
    idle = ("idle_in_transaction_session_timeout", "idle_session_timeout")
    return ("statement_timeout", *idle, *newer)


def lock_timeout(seconds: float = LONGEST) -> str:
    """Return the setting for one try, a millisecond at least: 0 is for ever."""
    return f"{max(1, round(min(seconds, TABLE_LOCK_TIMEOUT) * 1000))}ms"


def _settings(manner: Manner) -> str:
    return _SETTINGS.format(
        name=APPLICATION_NAME,
        timeout=lock_timeout(manner.seconds),
        row_security="off" if manner.guard else "on",
    )


def start_sql(manner: Manner) -> tuple[bytes, ...]:
    """Return what brings any session of ours to where every script starts."""
    return (*_RESETS, _settings(manner).encode())


def set_up(connection: Connection, manner: Manner = PLAIN) -> None:
    """Bring the session to the state in which every script starts."""
    settings = _settings(manner).encode(), *_patience(connection, manner)
    connection.execute(b";".join((*_resets(connection), *settings)))


def clean(connection: Connection, manner: Manner = PLAIN) -> None:
    """Leave no transaction, role or setting of a script behind."""
    if not connection.closed:
        with suppress(psycopg.OperationalError):
            connection.rollback()
            set_up(connection, manner)


@contextmanager
def told(connection: Connection) -> Iterator[None]:
    """Turn what the server says of the registry into an error with an address."""
    try:
        yield
    except psycopg.Error as error:
        raise explained(error, connection) from error


def explained(error: psycopg.Error, connection: Connection) -> LearnplanError:
    """Return what the server says of the registry as an error with an address."""
    where = config.display(connection.info.dsn) if not connection.closed else None
    text = error.diag.message_primary or str(error).partition("\n")[0]
    if connection.closed:
        return ConnectError.lost(text)
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return RegistryError.table_locked(blockers(connection), where)
    if error.sqlstate in _DAMAGED:
        return RegistryError.damaged(text, where)
    denied = isinstance(error, psycopg.errors.InsufficientPrivilege)
    return (RegistryError.unusable if denied else RegistryError.failed)(text, where)


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
