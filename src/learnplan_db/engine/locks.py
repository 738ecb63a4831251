"""
Who is in the way: Sqitch's lock, asked for again and again, and who holds others.

May import errors; never prints.
Source: Sqitch 1.3.1, its advisory lock; PostgreSQL, pg_locks.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from psycopg.rows import tuple_row

from learnplan_db.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    Connection = psycopg.Connection[Any]

LOCK = 75474063  # Sqitch's own key, so that both tools exclude each other
HELD_BY = "wait, or pg_terminate_backend(pid), and run it again: locks are held by "


def lock(
    connection: Connection, seconds: float, blocked: Callable[[str, float], None]
) -> None:
    """
    Take Sqitch's lock for the session, asking again rather than waiting in a statement.

    A waiter inside a statement would stall somebody's CREATE INDEX CONCURRENTLY.
    Args: seconds: how long to ask; blocked: called each time with who holds it, and
        how many seconds are left.
    Raises: RegistryError: it stays held.
    """
    end = time.monotonic() + seconds
    cursor = connection.cursor(row_factory=tuple_row)
    while True:
        row = cursor.execute(
            "select pg_catalog.pg_try_advisory_lock(%s::bigint)", [LOCK]
        ).fetchone()
        if row and row[0]:
            return
        holder = _holder(connection)
        blocked(holder, max(0.0, end - time.monotonic()))
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
        select concat_ws(', ', 'pid ' || a.pid, a.usename,
          nullif(a.application_name, ''), a.state, 'query of '
            || pg_catalog.round(extract(epoch from
              pg_catalog.clock_timestamp() - a.query_start)) || ' s ago')
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
    return HELD_BY + "; ".join(row[0] for row in rows)
