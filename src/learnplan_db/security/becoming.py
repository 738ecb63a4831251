"""
How to become someone: the statements, who may, and what stays to be judged.

Pure: knows no driver, so that each adapter sends the statements in its own way. Text
of the SQL takes pyformat parameters. May import errors and the standard library.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from learnplan_db.errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from uuid import UUID

    # By role: until when nothing else need be asked, and a table that is watched.
    Judged = MutableMapping[str, tuple[float, int]]

SIGNED_IN, ANONYMOUS = "authenticated", "anon"
# What only matters to who would leave the role again is judged so often, a connection:
# it takes ten times what the rest does.
JUDGED_SECONDS = 60.0

# Materialized steps, each over before the next: read what is set, set unless refused,
# read current_user. The cast stays: "row(a, b) is null" would stop after a.
BECOME = """
with before as materialized (
    select pg_catalog.current_setting('role') as role, login.rolname as login,
        coalesce(pg_catalog.current_setting('request.jwt.claims', true), '') as claims,
        (
            select t.oid from pg_catalog.pg_class as t
            where t.relnamespace = pg_catalog.to_regnamespace('learnplan')
                and t.relname = 'users' and t.relrowsecurity
        ) as watched,
        case when login.rolsuper then 'login-superuser'
            when login.rolbypassrls then 'login-bypassrls'
            when target.rolsuper then 'role-superuser'
            when target.rolbypassrls and %(claims)s::text <> '' then 'role-bypassrls'
            when exists (
                select from pg_catalog.pg_class as t
                where t.relnamespace = pg_catalog.to_regnamespace('learnplan')
                    and t.relrowsecurity and not t.relforcerowsecurity
                    and pg_catalog.pg_has_role(session_user, t.relowner, 'MEMBER')
            ) then 'owner-unforced'
        end as refusal
    from pg_catalog.pg_roles as login
    left join pg_catalog.pg_roles as target on target.rolname = %(role)s::text
    where login.rolname = session_user
), became as materialized (
    select before.*, case when refusal is null then row(
        pg_catalog.set_config('request.jwt.claims', %(claims)s::text, true),
        pg_catalog.set_config('role', %(role)s::text, true))::text end as done
    from before
)
select role, claims, login, refusal, current_user, watched, done from became"""
# For who has been judged: true if row security still holds for the role, and the login
# is no superuser, to whom alone the privilege on a system catalog can belong. CASE, so
# that all is set before it is asked about.
AGAIN = """
select case
    when pg_catalog.set_config('request.jwt.claims', %(claims)s::text, true) <> ''
        and pg_catalog.set_config('role', %(role)s::text, true) <> ''
    then current_user = %(role)s::text
        and pg_catalog.row_security_active(%(watched)s::oid)
        and not pg_catalog.has_table_privilege(
            session_user, 'pg_catalog.pg_authid', 'INSERT')
    end"""
RETURN = """
select pg_catalog.set_config('request.jwt.claims', %(claims)s::text, true),
    pg_catalog.set_config('role', %(role)s::text, true)"""


def wanted(
    role: str, *, sub: str | None, user_id: UUID | None, email: str | None
) -> dict[str, str]:
    """Return the role and the claims' text of one caller; arguments as acting_as."""
    claims = {"sub": sub, "email": email, "role": role}
    claims["user_id"] = None if user_id is None else str(user_id)
    for name, value in claims.items():
        # A surrogate and a NUL are JSON, but no text that PostgreSQL can hold.
        bad = any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value or "")
        if bad or (value is not None and not value):
            raise IdentityError.unusable(name)
    known = sub is not None or user_id is not None
    if role == ANONYMOUS and (known or email is not None):
        raise IdentityError.unwanted(role)
    if not known and (role == SIGNED_IN or email is not None):
        raise IdentityError.missing(role)
    verified = {"email_verified": None if email is None else True}
    given = {k: v for k, v in (claims | verified).items() if v is not None}
    return {"role": role, "claims": json.dumps(given) if known else ""}


def question(
    judged: Judged, wanted: dict[str, str], *, nested: bool
) -> tuple[str, dict[str, Any]]:
    """
    Return how to become who is wanted: shorter for who has just been judged.

    Args: judged: on this connection; nested: a savepoint gives back what was before,
        which only the whole question tells.
    """
    known = judged.get(wanted["role"])
    if nested or not known or not wanted["claims"]:
        return BECOME, wanted
    until, watched = known
    if time.monotonic() >= until:
        return BECOME, wanted
    return AGAIN, wanted | {"watched": watched}


def judge(
    judged: Judged, wanted: dict[str, str], row: Any, user: str | None
) -> dict[str, Any]:
    """
    Return what was set before, from the answer to BECOME; user: who logged in.

    Raises: IdentityError: the role was not taken, or row security would be bypassed.
    """
    found: tuple[Any, ...] = tuple(row or ("",) * 7)
    role, claims, login, refusal, present, watched, _ = found
    if refusal:
        raise IdentityError.would_bypass(refusal, wanted["role"], login)
    if present != wanted["role"]:
        raise IdentityError.not_taken(wanted["role"], user or login)
    if watched:
        judged[wanted["role"]] = time.monotonic() + JUDGED_SECONDS, watched
    return {"role": role, "claims": claims}
