"""
One session with the server: connected, fit for a deploy, locked, left as it was.

May import config and errors; never prints.
Source: libpq; PostgreSQL, "Client Connection Defaults"; design, the engine.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from learnplan_db import config
from learnplan_db.errors import ConnectError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Connection = psycopg.Connection[Any]

# The lock is asked for this long, then the queue behind us passes and we ask again.
SETTINGS = {
    "application_name": "learnplan-db",
    "lock_timeout": "2s",
    "row_security": "off",
    "default_transaction_read_only": "off",
    "client_min_messages": "warning",
    "standard_conforming_strings": "on",
}
# What a script may leave in a session; DISCARD ALL would give Sqitch's lock away too.
RESETS = (
    "set session authorization default",
    "reset role",
    "reset all",
    "close all",
    "unlisten *",
    "discard temp",
    "discard sequences",
)
LOCK = 75474063  # Sqitch's own key, so that both tools exclude each other
OLDEST = 150000
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
            fallback_application_name=SETTINGS["application_name"],
        )
        if connection.info.server_version < OLDEST:
            connection.close()
            raise ConnectError.too_old(config.display(conninfo))
        set_up(connection)
    except psycopg.Error as error:
        text = str(error)
        if password := known.get("password"):
            text = text.replace(str(password), "…")
        raise ConnectError.refused(config.display(conninfo), text) from error
    return connection


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


def set_up(connection: Connection) -> None:
    """Bring the session to the state in which every script starts."""
    for statement in RESETS:
        connection.execute(statement.encode())
    if connection.prepare_threshold is None:  # else psycopg has prepared its own
        connection.execute("deallocate all")
    for name, value in SETTINGS.items():
        connection.execute("select pg_catalog.set_config(%s, %s, false)", [name, value])
    with suppress(psycopg.errors.InvalidParameterValue):  # the server's system lacks it
        # The server looks whether we live, so that a killed deploy frees its locks.
        connection.execute("set client_connection_check_interval = '1s'")


def clean(connection: Connection) -> None:
    """Leave no transaction, role or setting of a script behind."""
    if not connection.closed:
        with suppress(psycopg.OperationalError):
            connection.rollback()
            set_up(connection)


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
        raise RegistryError.unusable(text, where) from error


def refuse_unfit(connection: Connection) -> None:
    """Raise where a deploy must not run: a standby, or behind a pooler."""
    if not connection.autocommit:
        raise ValueError("the connection must be in autocommit")
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(
        "select pg_catalog.pg_is_in_recovery(), pg_catalog.pg_backend_pid()"
    ).fetchone()
    if row and row[0]:
        raise ConnectError.standby()
    if row and row[1] != connection.info.backend_pid:
        raise ConnectError.pooler()


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
