"""
Become a user, nobody or the system in a test, and always come back.

Unlike acting_as, the connection may be a superuser's, as that of a test mostly is: the
role is taken with ``set_config(..., true)`` inside of a savepoint, and a block that
ends as somebody else than it began is an error. May import errors, the claims of
acting_as, psycopg and the standard library. Never sets anything for the session.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import Cursor, Rollback, errors
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from learnplan_db.errors import SuiteError
from learnplan_db.security.becoming import wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from learnplan_db.security.variables import Variables

    Connection = psycopg.Connection[Any]

# As in acting_as, each step is over before the next; but the role itself is asked, not
# the login. A role that may do all without an identity (a host's service) is let be.
_BECOME = """
with before as materialized (
    select pg_catalog.current_setting('role') as role,
        coalesce(pg_catalog.current_setting('request.jwt.claims', true), '') as claims,
        case when target.rolname is null then 'missing'
            when target.rolsuper then 'superuser'
            when target.rolbypassrls and not %(system)s then 'bypassrls'
            when exists (
                select from pg_catalog.pg_class as t
                where t.relnamespace = pg_catalog.to_regnamespace('learnplan')
                    and t.relrowsecurity and not t.relforcerowsecurity
                    and pg_catalog.pg_has_role(target.oid, t.relowner, 'USAGE')
            ) then 'owner'
        end as refusal
    from (select) as one
    left join pg_catalog.pg_roles as target on target.rolname = %(role)s::text
), became as materialized (
    select before.*, case when refusal is null then row(
        pg_catalog.set_config('request.jwt.claims', %(claims)s::text, true),
        pg_catalog.set_config('role', %(role)s::text, true))::text end as done
    from before
)
select role, claims, refusal, current_user, done from became"""
_RETURN = """
select pg_catalog.set_config('request.jwt.claims', %(claims)s::text, true),
    pg_catalog.set_config('role', %(role)s::text, true)"""


@dataclass(frozen=True, slots=True)
class Personas:
    """
    The people of a test on one connection.

    Each block is a savepoint, or a transaction when there is none. An error that leaves
    the block, or that was caught inside, rolls back what the block did, as it does in
    any transaction; then the connection is as before the block, and goes on.
    """

    connection: Connection
    roles: Variables

    @contextmanager
    def as_user(
        self,
        user: Any = None,
        *,
        sub: str | None = None,
        user_id: UUID | None = None,
        email: str | None = None,
    ) -> Iterator[Connection]:
        """
        Act as a signed-in user.

        Args: user: a row of make_user, or anything with clerk_user_id as attribute or
            key, or its text; sub, user_id, email: what a token says instead.
        Raises: SuiteError: nobody is named, row security would be bypassed, or the
            block ended as somebody else.
        """
        if (user is None) == (sub is None and user_id is None):
            raise SuiteError.nobody(user)
        subject = sub if user is None else _subject(user)
        role = self.roles.authenticated
        told = wanted(role, sub=subject, user_id=user_id, email=email)
        with self._acting(told, system=False):
            yield self.connection

    @contextmanager
    def as_anonymous(self) -> Iterator[Connection]:
        """Act as a caller who did not sign in."""
        with self._acting({"role": self.roles.anon, "claims": ""}, system=False):
            yield self.connection

    @contextmanager
    def as_service(self) -> Iterator[Connection]:
        """Act as the system: the role that the server's own jobs take."""
        told = {"role": self.roles.service_role, "claims": ""}
        with self._acting(told, system=True):
            yield self.connection

    @contextmanager
    def _acting(self, told: dict[str, str], *, system: bool) -> Iterator[None]:
        role = told["role"]
        with self.connection.transaction() as block:
            cursor = Cursor(self.connection, row_factory=tuple_row)
            before = self._become(cursor, told | {"system": system})
            yield
            status = self.connection.info.transaction_status
            if status == TransactionStatus.INERROR:
                raise Rollback(block)
            if status != TransactionStatus.INTRANS:
                raise SuiteError.transaction_ended(status.name)
            row = cursor.execute("select current_user", prepare=False).fetchone()
            if row != (role,):
                raise SuiteError.escaped(role, row[0] if row else "")
            cursor.execute(_RETURN, before, prepare=False)

    def _become(self, cursor: Cursor[Any], told: dict[str, Any]) -> dict[str, Any]:
        """Return what was set before."""
        role, login = told["role"], self.connection.info.user
        try:
            row = cursor.execute(_BECOME, told, prepare=False).fetchone()
        except (errors.InsufficientPrivilege, errors.InvalidParameterValue) as error:
            raise SuiteError.not_taken(role, login) from error
        before, claims, refusal, present, _ = row or (None,) * 5
        if refusal == "missing" or (refusal is None and present != role):
            raise SuiteError.not_taken(role, login)
        if refusal:
            raise SuiteError.would_bypass(refusal, role)
        return {"role": before, "claims": claims}


def _subject(user: Any) -> str:
    """Return the subject of a user: a row, a mapping, an object of an ORM, a text."""
    if isinstance(user, str):
        return user
    subject = getattr(user, "clerk_user_id", None)
    if subject is None and not isinstance(user, UUID):
        try:
            subject = user["clerk_user_id"]
        except (KeyError, TypeError, IndexError):
            subject = None
    if not isinstance(subject, str):
        raise SuiteError.nobody(user)
    return subject
