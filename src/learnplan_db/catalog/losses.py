"""
What of a live database would be lost, if this or that were dropped or altered.

May import errors; only reads, each time in a transaction of its own, and counts what
nobody may look at as lost. Never prints.
"""

from __future__ import annotations

from typing import Any

import psycopg

PATIENCE = "5s"  # a table that is locked is not looked into


class Looking:
    """Asks one database; names are quoted, as a catalog has them."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Look at nothing yet."""
        self._connection = connection

    def rows(self, table: str) -> bool:
        """Tell whether a table holds rows."""
        return self._ask(f"select exists (select from {table})")

    def values(self, table: str, column: str) -> bool:
        """Tell whether a column holds anything."""
        return self._ask(
            f"select exists (select from {table} where {column} is not null)"
        )

    def changes(self, table: str, column: str, to: str) -> bool:
        """Tell whether a value would not be the same in another type."""
        there = f"{column}::text"
        return self._ask(
            f"select exists (select from {table}"
            f" where {there}::{to}::text is distinct from {there})"
        )

    def others(self, table: str, column: str, labels: str) -> bool:
        """Tell whether a column holds what is none of these labels."""
        return self._ask(
            f"select exists (select from {table}"
            f" where {column}::text <> all (array[{labels}]::text[]))"
        )

    def _ask(self, query: str) -> bool:
        """Return the answer; True where there is none."""
        settings = (
            f"set local lock_timeout = '{PATIENCE}'; set local row_security = off;"
            f"set local statement_timeout = '{PATIENCE}';"
            "set local search_path = pg_catalog"
        )
        try:
            with self._connection.transaction(force_rollback=True):
                self._connection.execute(settings.encode())
                row = self._connection.execute(query.encode()).fetchone()
        except psycopg.Error:
            if self._connection.closed:
                raise
            return True
        return bool(row and row[0])
