"""
Work in somebody's session, and leave it as it was found.

The session is worked in through a connection object of our own around theirs, so that
cursor and row factories, adapters, autocommit, isolation and the statements that
psycopg has prepared stay theirs. What scripts would reset in the session itself is
looked up before and put back after; what cannot be put back is refused before.
May import lower floors; never prints.
Source: PostgreSQL, DISCARD and pg_settings; psycopg, Connection.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import tuple_row

from learnplan_db.engine.session import fit
from learnplan_db.engine.watch import Watched
from learnplan_db.errors import ApiError, ConnectError
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Iterator

# psycopg prepares what it has seen so often; None would drop theirs with ours.
NEVER = 2**31 - 1
# There is no list of settings of one's own making (with a dot): the claims are asked
# for by name.
_LOOK = """
select pg_catalog.pg_backend_pid(),
  array(
    select array[s.name, pg_catalog.current_setting(s.name)]
    from pg_catalog.pg_settings as s
    where s.source = 'session' and s.name not in (
      'transaction_isolation', 'transaction_read_only', 'transaction_deferrable')),
  array[
    array['session_authorization', session_user::text],
    array['request.jwt.claims',
      coalesce(pg_catalog.current_setting('request.jwt.claims', true), '')],
    array['role', pg_catalog.current_setting('role')]],
  array(select name from pg_catalog.pg_prepared_statements),
  array(
    select pg_catalog.concat_ws(' ', classid, objid, objsubid, mode)
    from pg_catalog.pg_locks
    where locktype = 'advisory' and pid = pg_catalog.pg_backend_pid() order by 1),
  array[
    (select count(*) from pg_catalog.pg_depend
      where refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
        and refobjid = pg_catalog.pg_my_temp_schema())::text || ' temporary objects',
    (select count(*) from pg_catalog.pg_cursors where is_holdable)::text
      || ' open cursors',
    (select count(*) from pg_catalog.pg_listening_channels())::text
      || ' channels it listens to']"""

# As every script begins, so that the registry is read and written by the same role.
_AS_LOGIN = b"set session authorization default; reset role; set datestyle = iso"


@dataclass(frozen=True, slots=True)
class Handed:
    """
    An AsyncConnection whose loop waits until we are done with its session.

    ``notifies`` came meanwhile, for handlers that are the loop's.
    """

    connection: psycopg.AsyncConnection[Any]
    notifies: list[Any] = field(default_factory=list)


@contextmanager
def lent(given: psycopg.Connection[Any] | Handed) -> Iterator[Watched]:
    """
    Provide a connection object of our own around an idle or open session.

    Nobody else can use the session meanwhile: another thread's call waits.
    Raises: ApiError: it is closed, in a pipeline, or reads text as bytes.
    """
    theirs = given.connection if isinstance(given, Handed) else given
    if theirs.closed:
        raise ApiError.closed()
    pgconn = theirs.pgconn
    # The lock of an AsyncConnection is the loop's, and held there.
    locked = nullcontext() if isinstance(given, Handed) else given.lock
    handlers = pgconn.notice_handler, pgconn.notify_handler
    with locked:
        if pgconn.pipeline_status != PipelineStatus.OFF:
            raise ApiError.in_pipeline()
        if theirs.info.encoding == "ascii":  # psycopg then reads bytes
            raise ApiError.no_encoding()
        own = _Borrowed(pgconn)
        try:
            if isinstance(given, Handed):  # a loop's handlers are not for a thread
                pgconn.notify_handler = given.notifies.append
            else:
                pgconn.notice_handler, pgconn.notify_handler = handlers
            own.begin()
            yield own
        finally:
            pgconn.notice_handler, pgconn.notify_handler = handlers
            own.give_back()


class _Borrowed(Watched):
    """A connection object that is not the only one of its session."""

    def begin(self) -> None:
        """Prepare nothing, and have no transaction but those that are asked for."""
        self.fresh, self.prepare_threshold = False, NEVER
        if self.pgconn.transaction_status == TransactionStatus.IDLE:
            self.autocommit = True

    def give_back(self) -> None:
        """Let go of the session, which stays open."""
        del self.pgconn


@contextmanager
def kept(connection: psycopg.Connection[Any], *, reading: bool) -> Iterator[None]:
    """
    Let scripts run in a session, and put back what they and we reset.

    If that cannot be done, the connection is closed, so that nobody goes on in a
    session that is not as it was.
    Args: reading: nothing is to be written, so that a standby will do.
    Raises: ApiError: a transaction is open, or something could never be put back.
        ConnectError: there is a pooler in between, or a standby.
    """
    status = connection.info.transaction_status
    if status != TransactionStatus.IDLE:
        raise ApiError.in_transaction(status.name)
    pid, settings, identity, *held, gone = _look(connection)
    if pid != connection.info.backend_pid:
        raise ConnectError.pooler(config.display(connection.info.dsn))
    if lost := [one for one in gone if not one.startswith("0 ")]:
        raise ApiError.would_forget(lost)
    try:
        connection.execute(_AS_LOGIN)
        with fit(connection, reading=reading):
            pass  # so that a refusal comes before anything is done
        yield
    finally:
        if not connection.closed:
            try:
                same = _put_back(connection, [*settings, *identity], held)
            except BaseException as error:  # such as a second Ctrl-C
                connection.close()
                if not isinstance(error, psycopg.Error):
                    raise
            else:
                if not same:
                    connection.close()


def _look(connection: psycopg.Connection[Any]) -> Any:
    """Return what a session holds."""
    return connection.cursor(row_factory=tuple_row).execute(_LOOK).fetchone()


def _put_back(
    connection: psycopg.Connection[Any],
    settings: list[tuple[str, str]],
    held: list[list[str]],
) -> bool:
    """
    Set what was set, in this order, and nothing else; drop what scripts prepared.

    Returns: whether what was prepared, and the advisory locks, are what they were.
    """
    cursor = connection.cursor(row_factory=tuple_row)
    cursor.execute("reset all")
    for name, value in settings:
        if value or name != "request.jwt.claims":
            cursor.execute("select pg_catalog.set_config(%s, %s, false)", [name, value])
    prepared, locks = held
    _, _, _, found, left, _ = _look(connection)
    for name in set(found) - set(prepared):
        cursor.execute(sql.SQL("deallocate {}").format(sql.Identifier(name)))
    return set(prepared) <= set(found) and locks == left


@contextmanager
def undisturbed(connection: psycopg.Connection[Any], *, alone: bool) -> Iterator[None]:
    """
    Look at something, in a savepoint if a transaction is open.

    Args: alone: none may be.
    Raises: ApiError: one is, or has failed, or a query is still running.
    """
    status = connection.info.transaction_status
    if status == TransactionStatus.IDLE:
        yield
    elif status == TransactionStatus.INTRANS and not alone:
        with connection.transaction():
            yield
    else:
        raise ApiError.in_transaction(status.name)
