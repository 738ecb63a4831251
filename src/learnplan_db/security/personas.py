"""
Become someone inside a transaction, and always come back.

``with acting_as(connection, sub=...)`` or ``async with`` takes the role and the claims
of one request with ``set_config(..., true)``, so that neither outlives the transaction.
Pass only what your server has verified: the database believes it.
May import errors, becoming and psycopg. Never sets anything for the session, never puts
a value into the text of a statement.
"""

from __future__ import annotations

from contextlib import (
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from psycopg import (
    AsyncConnection,
    AsyncCursor,
    AsyncTransaction,
    Connection,
    Cursor,
    Pipeline,
    Transaction,
    errors,
)
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from learnplan_db.errors import IdentityError
from learnplan_db.security.becoming import (
    AGAIN,
    BECOME,
    RETURN,
    SIGNED_IN,
    judge,
    question,
    wanted,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from uuid import UUID

_judged: WeakKeyDictionary[object, dict[str, tuple[float, int]]] = WeakKeyDictionary()
C = TypeVar("C", bound=Connection[Any] | AsyncConnection[Any])


def acting_as(
    conn: C,
    *,
    sub: str | None = None,
    user_id: UUID | None = None,
    email: str | None = None,
    role: str | None = None,
) -> ActingAs[C]:
    """
    Return a block in which the connection acts as one caller; the block yields it.

    Outside a transaction the block is one, inside it is a savepoint; both end as
    psycopg ends them. An isolation level is chosen on the connection, beforehand.
    Costs no round trip on a connection in autocommit, where BEGIN brings the role
    along; one on any other, and one inside a transaction, to give the role back.
    Args: sub: subject of the token; user_id: users.id, if the token holds it; email:
        only an address that the provider has verified; role: "anon" takes no identity,
        "authenticated", the default, needs one.
    Raises: IdentityError: no usable identity, the role cannot be taken, row security
        would be bypassed, or the block ends normally although its transaction is lost;
        nothing stays set. What the login could do outside the role is looked at once
        a minute, all else in each block; or the block was used before. TypeError:
        ``with`` and ``async with`` are mixed up.
    """
    role = SIGNED_IN if role is None else role
    return ActingAs(conn, wanted(role, sub=sub, user_id=user_id, email=email))


class ActingAs(Generic[C]):
    """The block that acting_as returns; use it once."""

    def __init__(self, conn: C, wanted: dict[str, str]) -> None:
        self._conn, self._wanted = conn, wanted
        self._block: Any = None

    def __enter__(self) -> C:
        self._begin(self._sync())
        self._block.__enter__()
        return self._conn

    def __exit__(self, *raised: object) -> bool | None:
        return self._block.__exit__(*raised)  # type: ignore[no-any-return]

    async def __aenter__(self) -> C:
        self._begin(self._async())
        await self._block.__aenter__()
        return self._conn

    async def __aexit__(self, *raised: object) -> bool | None:
        return await self._block.__aexit__(*raised)  # type: ignore[no-any-return]

    def _begin(self, block: Any) -> None:
        if self._block is not None:
            raise IdentityError.used()
        self._block = block

    @contextmanager
    def _sync(self) -> Iterator[None]:
        conn = self._conn
        if not isinstance(conn, Connection):
            raise TypeError('"with" needs a Connection; here, write "async with"')
        cursor = Cursor(conn, row_factory=tuple_row)
        piped, together = bool(conn.info.pipeline_status), self._goes_together()
        with self._pipeline(piped), ExitStack() as stack:
            with self._named():
                with self._pipeline(together):
                    transaction = stack.enter_context(Transaction(conn))
                    with self._pipeline(piped and not together):
                        statement, wanted = self._question(transaction)
                        cursor.execute(statement, wanted, prepare=False)
                row = cursor.fetchone()
                if statement == AGAIN and row != (True,):
                    cursor.execute(BECOME, wanted, prepare=False)
                    row, statement = cursor.fetchone(), BECOME
                before = self._judge(row) if statement == BECOME else {}
            with self._pipeline(piped):
                yield
            self._refuse_lost()
            if transaction.savepoint_name:
                cursor.execute(RETURN, before, prepare=False)

    @asynccontextmanager
    async def _async(self) -> AsyncIterator[None]:
        conn = self._conn
        if not isinstance(conn, AsyncConnection):
            raise TypeError('"async with" needs an AsyncConnection; here, write "with"')
        cursor = AsyncCursor(conn, row_factory=tuple_row)
        piped, together = bool(conn.info.pipeline_status), self._goes_together()
        async with self._pipeline(piped), AsyncExitStack() as stack:
            with self._named():
                async with self._pipeline(together):
                    transaction = await stack.enter_async_context(
                        AsyncTransaction(conn)
                    )
                    async with self._pipeline(piped and not together):
                        statement, wanted = self._question(transaction)
                        await cursor.execute(statement, wanted, prepare=False)
                row = await cursor.fetchone()
                if statement == AGAIN and row != (True,):
                    await cursor.execute(BECOME, wanted, prepare=False)
                    row, statement = await cursor.fetchone(), BECOME
                before = self._judge(row) if statement == BECOME else {}
            async with self._pipeline(piped):
                yield
            self._refuse_lost()
            if transaction.savepoint_name:
                await cursor.execute(RETURN, before, prepare=False)

    def _goes_together(self) -> bool:
        """
        Tell whether BEGIN or SAVEPOINT may travel with what takes the role.

        Not where a cursor would send a BEGIN of its own: it cannot see one on its way.
        """
        begun = self._conn.info.transaction_status is TransactionStatus.INTRANS
        return Pipeline.is_supported() and (self._conn.autocommit or begun)

    def _pipeline(self, wanted: bool) -> Any:  # noqa: FBT001 - the one thing it is about
        """Return a pipeline, in which entering and leaving wait for what was sent."""
        return self._conn.pipeline() if wanted else nullcontext()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (errors.InsufficientPrivilege, errors.InvalidParameterValue) as error:
            raise self._not_taken() from error

    def _question(self, transaction: Any) -> tuple[str, dict[str, Any]]:
        """Return how to become who is wanted."""
        nested = bool(transaction.savepoint_name)
        return question(_judged.get(self._conn, {}), self._wanted, nested=nested)

    def _judge(self, row: tuple[Any, ...] | None) -> dict[str, Any]:
        """Return what was set before; raise unless the role was taken."""
        judged = _judged.setdefault(self._conn, {})
        return judge(judged, self._wanted, row, self._conn.info.user)

    def _not_taken(self) -> IdentityError:
        return IdentityError.not_taken(self._wanted["role"], self._conn.info.user)

    def _refuse_lost(self) -> None:
        """Raise if a commit could only pretend; ACTIVE is psycopg's to refuse."""
        status = self._conn.info.transaction_status
        if status not in {TransactionStatus.INTRANS, TransactionStatus.ACTIVE}:
            raise IdentityError.transaction_lost(status.name)
