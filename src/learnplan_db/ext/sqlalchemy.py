"""
SQLAlchemy 2: act as a caller in a session or connection.

``acting_as`` works with any driver, in transactions of SQLAlchemy's own, so that a
commit or rollback inside of the block ends it, and SQLAlchemy refuses what comes after
it in the block. learnplan_db.deploy, revert, verify, status, require, prove and
plan_sql take an Engine, those of learnplan_db.aio an AsyncEngine, both of psycopg.
May import lower floors; never prints, never reads the environment.
Source: SQLAlchemy, "Transactions and Connection Management".
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from learnplan_db.errors import ApiError, IdentityError
from learnplan_db.security import becoming

try:
    from sqlalchemy import BigInteger, Connection, bindparam, text
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.orm import Session, scoped_session

    from learnplan_db.ext.async_kinds import (
        AsyncConnection,
        AsyncSession,
        async_scoped_session,
    )
except ImportError as missing:
    raise ApiError.no_extra("sqlalchemy", "SQLAlchemy 2", __name__) from missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from uuid import UUID

    from sqlalchemy import TextClause

    Target = Session | Connection

__all__ = ["acting_as"]

Scoped = scoped_session, async_scoped_session
T = TypeVar(
    "T",
    bound=Session
    | Connection
    | scoped_session[Any]
    | AsyncSession
    | AsyncConnection
    | async_scoped_session[Any],
)
_KEY = "learnplan_db"  # of what is noted beside the driver's connection
_REFUSED = {"42501", "22023"}  # no member of the role; no such role
_IN_FAILED = "25P02"  # in_failed_sql_transaction
_FAILED = 3  # libpq's number of a transaction that can only be rolled back
# Who the objects of a session were loaded for.
_loaded_for: WeakKeyDictionary[Session, dict[str, str]] = WeakKeyDictionary()


def _clause(statement: str) -> TextClause:
    statement = statement.replace("::", r"\:\:")
    for name in ("claims", "role", "watched"):
        statement = statement.replace(f"%({name})s", f":{name}")
    found = text(statement)
    if ":watched" in statement:
        found = found.bindparams(bindparam("watched", type_=BigInteger))
    return found


_CLAUSES = {
    statement: _clause(statement)
    for statement in (becoming.BECOME, becoming.AGAIN, becoming.RETURN)
}


def acting_as(
    session_or_connection: T,
    *,
    sub: str | None = None,
    user_id: UUID | None = None,
    email: str | None = None,
    role: str | None = None,
) -> ActingAs[T]:
    """
    Return a block in which a session or connection acts as one caller.

    ``with`` for Session, scoped_session and Connection, ``async with`` for their async
    kinds; the block yields it. Outside a transaction the block is one, and commits at
    its end; inside it is a savepoint, after which the caller is who it was before.
    Objects of a session that were loaded for somebody else are expired, so that they
    are asked for again.
    One round trip, and one more in a savepoint, or to see on drivers other than psycopg
    that the transaction has not failed.
    Args: as learnplan_db.acting_as.
    Raises: IdentityError: as learnplan_db.acting_as; or the engine is in AUTOCOMMIT,
        where nothing would hold longer than a statement. InvalidRequestError, of
        SQLAlchemy: a statement after a commit or rollback in the block. TypeError:
        ``with`` and ``async with`` are mixed up, or it is none of these.
    """
    role = becoming.SIGNED_IN if role is None else role
    wanted = becoming.wanted(role, sub=sub, user_id=user_id, email=email)
    return ActingAs(session_or_connection, wanted)


class ActingAs(Generic[T]):
    """The block that acting_as returns; use it once."""

    def __init__(self, given: T, wanted: dict[str, str]) -> None:
        self._given, self._wanted = given, wanted
        self._target: Any = given() if isinstance(given, Scoped) else given
        self._block: Any = None

    def __enter__(self) -> T:
        target = self._target
        if not isinstance(target, (Session, Connection)):
            kind = type(target).__name__
            raise TypeError(f'"with" needs a Session or Connection, not {kind}')
        self._begin(_acting(target, self._wanted))
        self._block.__enter__()
        return self._given

    def __exit__(self, *raised: object) -> bool | None:
        return self._block.__exit__(*raised)  # type: ignore[no-any-return]

    async def __aenter__(self) -> T:
        target = self._target
        if not isinstance(target, (AsyncSession, AsyncConnection)):
            kind = type(target).__name__
            words = "an AsyncSession or AsyncConnection"
            raise TypeError(f'"async with" needs {words}, not {kind}')
        self._begin(_acting_async(target, self._wanted))
        await self._block.__aenter__()
        return self._given

    async def __aexit__(self, *raised: object) -> bool | None:
        return await self._block.__aexit__(*raised)  # type: ignore[no-any-return]

    def _begin(self, block: Any) -> None:
        if self._block is not None:
            raise IdentityError.used()
        self._block = block


@contextmanager
def _acting(target: Target, wanted: dict[str, str]) -> Iterator[None]:
    switch = _Switch(wanted, nested=_is_nested(target))
    begun = target.begin_nested() if target.in_transaction() else target.begin()
    try:
        with begun:
            switch.become(target)
            try:
                yield
            finally:
                switch.ended = not begun.is_active
            if not switch.ended:
                switch.leave(target)
    finally:
        switch.left(target)


@asynccontextmanager
async def _acting_async(
    target: AsyncSession | AsyncConnection, wanted: dict[str, str]
) -> AsyncIterator[None]:
    switch = _Switch(wanted, nested=await target.run_sync(_is_nested))
    begun = target.begin_nested() if target.in_transaction() else target.begin()
    try:
        async with begun:
            await target.run_sync(switch.become)
            try:
                yield
            finally:
                switch.ended = not begun.is_active
            if not switch.ended:
                await target.run_sync(switch.leave)
    finally:
        await target.run_sync(switch.left)


def _is_nested(target: Target) -> bool:
    """Tell whether what the block begins will be a savepoint."""
    if target.in_transaction():
        return True
    bind = target.bind if isinstance(target, Session) else None
    return isinstance(bind, Connection) and bind.in_transaction()


class _Switch:
    """
    One caller taken on, and whoever it was before.

    ``ended``: what the block began was ended in it, by a commit or a rollback.
    """

    def __init__(self, wanted: dict[str, str], *, nested: bool) -> None:
        self.wanted, self.nested, self.ended = wanted, nested, False
        self.connection: Connection | None = None
        self.before: dict[str, Any] | None = None
        self.loaded_for: dict[str, str] | None = None

    def become(self, target: Target) -> None:
        """Take the role and the claims; raise IdentityError unless they hold."""
        connection = self.connection = _connection(target)
        if getattr(connection.connection, "autocommit", None) is not False:
            raise IdentityError.autocommit()
        judged = connection.info.setdefault(_KEY, {})
        statement, given = becoming.question(judged, self.wanted, nested=self.nested)
        row = self._ask(connection, statement, given)
        if statement == becoming.AGAIN and row != (True,):
            statement = becoming.BECOME
            row = self._ask(connection, statement, self.wanted)
        if statement == becoming.BECOME:
            self.before = becoming.judge(judged, self.wanted, row, None)
        if isinstance(target, Session):
            self.loaded_for = _loaded_for.get(target)
            _load_for(target, self.wanted)

    def _ask(
        self, connection: Connection, statement: str, given: dict[str, Any]
    ) -> tuple[Any, ...]:
        try:
            return tuple(connection.execute(_CLAUSES[statement], given).one())
        except DBAPIError as error:
            if _sqlstate(error) in _REFUSED:
                login = connection.engine.url.username or "of the engine"
                raise IdentityError.not_taken(self.wanted["role"], login) from error
            raise

    def leave(self, target: Target) -> None:
        """Write what is to be written as this caller, and be who it was before."""
        if isinstance(target, Session):
            target.flush()
        connection = _connection(target)
        driver: Any = connection.connection.driver_connection
        status = getattr(getattr(driver, "info", None), "transaction_status", None)
        try:
            if self.nested:
                connection.execute(_CLAUSES[becoming.RETURN], self.before)
            elif status is None:
                connection.execute(text("select"))
        except DBAPIError as error:
            if _sqlstate(error) != _IN_FAILED:
                raise
            raise IdentityError.transaction_lost("INERROR") from error
        if status == _FAILED:
            raise IdentityError.transaction_lost("INERROR")

    def left(self, target: Target) -> None:
        """
        Be who it was before, and let them have nothing that was loaded for this caller.

        A savepoint that was released in the block leaves its role to the transaction.
        """
        connection = self.connection
        if self.nested and self.before is not None:
            if self.ended and connection is not None and connection.in_transaction():
                self._give_back(connection)
            if isinstance(target, Session):
                _load_for(target, self.loaded_for)
        elif isinstance(target, Session):  # nobody can tell who loads from now on
            _loaded_for.pop(target, None)

    def _give_back(self, connection: Connection) -> None:
        try:
            connection.execute(_CLAUSES[becoming.RETURN], self.before)
        except DBAPIError as error:
            if _sqlstate(error) != _IN_FAILED:  # then nothing runs as anybody
                raise


def _connection(target: Target) -> Connection:
    return target.connection() if isinstance(target, Session) else target


def _load_for(session: Session, wanted: dict[str, str] | None) -> None:
    """Forget what was loaded for somebody else; what is changed is to be written."""
    if _loaded_for.get(session) != wanted:
        changed = {id(one) for one in session.dirty}
        for one in list(session.identity_map.values()):
            if id(one) not in changed:
                session.expire(one)
    if wanted is None:
        _loaded_for.pop(session, None)
    else:
        _loaded_for[session] = wanted


def _sqlstate(error: DBAPIError) -> str | None:
    """Return what the server calls an error, whatever the driver."""
    cause: Any = error.orig
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if state is None and cause.args and isinstance(cause.args[0], dict):
        state = cause.args[0].get("C")  # pg8000
    return state
