"""
A session that the next test gets as if it were new.

A server's process that has read the tables before answers three times as fast. What a
test left in the session is discarded, what it left in the connection goes with the
object. May import psycopg and the standard library.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from psycopg import Connection
from psycopg.pq import ConnStatus, ExecStatus, PipelineStatus, TransactionStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.pq.abc import PGconn

    from learnplan_db.testing.addresses import Database


# DISCARD ALL without DISCARD PLANS: plans of foreign keys and functions say nothing of
# the test before, the server renews them when they are out of date, and to make them
# again would take a tenth of a small test.
_CLEAR = b"""
close all; set session authorization default; reset all; deallocate all; unlisten *;
select pg_catalog.pg_advisory_unlock_all(); discard temp; discard sequences"""


class Spare:
    """The session that no test has at the moment, if there is one."""

    def __init__(self) -> None:
        self._kept: PGconn | None = None

    @contextmanager
    def session(self, database: Database) -> Iterator[Connection[Any]]:
        """Provide a connection to a database, always to the same one until dropped."""
        kept, self._kept = self._kept, None
        connection = Connection[Any](kept) if kept else database.connect()
        try:
            yield connection
        finally:
            session = connection.pgconn
            # Whoever still has the connection must not reach the next test's session.
            del connection.pgconn
            if _cleared(session):
                self._kept = session
            else:
                session.finish()

    def drop(self) -> None:
        """End the session."""
        if self._kept is not None:
            self._kept.finish()
            self._kept = None


def _cleared(session: PGconn) -> bool:
    """Whether all that a session can keep could be discarded."""
    if (session.status, session.transaction_status, session.pipeline_status) != (
        ConnStatus.OK,
        TransactionStatus.IDLE,
        PipelineStatus.OFF,
    ):
        return False
    return session.exec_(_CLEAR).status == ExecStatus.COMMAND_OK
