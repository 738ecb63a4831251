"""
How many pages a statement touches, whatever it sets off: triggers, functions, keys.

EXPLAIN does not count what triggers after the statement read, so the server's counter
of the whole database is read before and after. Nothing else may run there, autovacuum
included. Never prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

WARM, COUNTED = 8, 3  # a prepared statement gets its lasting plan at the sixth time


class Counter:
    """
    Counts for one connection.

    Args: connection: whose statements are counted, in autocommit; watch: one to another
        database, so that looking is not counted.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], watch: psycopg.Connection[Any]
    ) -> None:
        self._connection, self._watch = connection, watch

    def touched(self, act: Callable[[], object]) -> int:
        """Return the pages of what is done: the least of three times, caches warm."""
        for _ in range(WARM):
            act()
        idle = min(self._difference(lambda: None) for _ in range(COUNTED))
        return min(self._difference(act) for _ in range(COUNTED)) - idle

    def one(self, query: str) -> int:
        """
        Return the only value of a query.

        Raises: BenchError: there is none.
        """
        row = self._connection.execute(query.encode()).fetchone()
        if row is None:
            raise BenchError.differs(query, "no row")
        return int(row[0])

    def wal(self) -> int:
        """Return how many bytes of WAL the server has written so far."""
        return self.one("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn")

    def _difference(self, act: Callable[[], object]) -> int:
        before = self._sum()
        act()
        return self._sum() - before

    def _sum(self) -> int:
        self._connection.execute("select pg_stat_force_next_flush()")
        row = self._watch.execute(
            "select blks_hit + blks_read from pg_stat_database where datname = %s",
            [self._connection.info.dbname],
        ).fetchone()
        return int(row[0]) if row else 0
