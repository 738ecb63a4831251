"""
What a session made the server do: blocks touched, bytes of WAL, and time.

Blocks and bytes are the server's own counts, of the whole database and the whole
cluster: so nothing else may run there, and autovacuum is off. Never prints.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    Connection = psycopg.Connection[Any]

# The server counts blocks when a session is idle; else only each second.
FLUSH = "select pg_catalog.pg_stat_force_next_flush()"
_READ = """
select pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn,
    d.blks_hit + d.blks_read
from pg_catalog.pg_stat_database as d
where d.datname = pg_catalog.current_database()"""
QUIET = {
    "autovacuum": "off",
    "checkpoint_timeout": "1d",
    "max_wal_size": "8GB",
    "bgwriter_lru_maxpages": "0",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took: seconds, bytes of WAL, blocks touched."""

    seconds: float
    wal: int
    blocks: int


class Meter:
    """
    Measures on one connection in autocommit.

    Measuring itself counts for nothing: once the catalog is cached, the two queries
    touch no block but of tables that all databases share, which are not this one's.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.cost(lambda: None)  # the first one reads the catalog

    def cost(self, work: Callable[[], object]) -> Cost:
        """Run something once and return what it took."""
        wal, blocks = self._counts()
        began = time.perf_counter()
        work()
        took = time.perf_counter() - began
        after = self._counts()
        return Cost(took, after[0] - wal, after[1] - blocks)

    def _counts(self) -> tuple[int, int]:
        self._connection.execute(FLUSH, prepare=False)
        row = self._connection.execute(_READ, prepare=False).fetchone()
        if row is None:
            raise LookupError("no such database")
        return int(row[0]), int(row[1])


def per(costs: list[Cost], rows: int) -> dict[str, Any]:
    """Return what each row took: microseconds by round, medians of bytes and blocks."""
    return {
        "us": [round(cost.seconds / rows * 1e6, 2) for cost in costs],
        "wal": round(median(cost.wal for cost in costs) / rows, 1),
        "blocks": round(median(cost.blocks for cost in costs) / rows, 2),
    }
