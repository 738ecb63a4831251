"""
Checks of roles and logins: which there are, what they are, who is member of what.

May import lower floors; only reads, over the application's own connection too.
Source: design, identity: two logins, never one; PostgreSQL, "Role Membership".
"""

from __future__ import annotations

from contextlib import closing
from functools import wraps
from typing import TYPE_CHECKING, Any

import psycopg

from learnplan_db.engine import session
from learnplan_db.errors import LearnplanError
from learnplan_db.health.nouns import fail, listed, ok, skip, sql, warn, words
from learnplan_db.health.patient import SCHEMAS, SETTABLE, asked
from learnplan_db.security.personas import acting_as

if TYPE_CHECKING:
    from learnplan_db.health.nouns import Verdict
    from learnplan_db.health.patient import Examine, Patient

_BAD = """
select r.rolname, b.attribute, format('alter role %%I %%s', r.rolname, b.cure)
from pg_roles as r
cross join lateral (values
  (r.rolcanlogin, 'login', 'nologin'),
  (r.rolsuper, 'superuser', 'nosuperuser'),
  (r.rolbypassrls and r.rolname <> %(service)s, 'bypassrls', 'nobypassrls'),
  (r.rolcreaterole, 'createrole', 'nocreaterole'),
  (r.rolcreatedb, 'createdb', 'nocreatedb'),
  (r.rolreplication, 'replication', 'noreplication')
) as b (has, attribute, cure)
where r.rolname = any (%(roles)s) and b.has
order by 1, 2"""
# Who reaches both sides; a superuser reaches everything, and is another check's.
_BOTH = """
with reach as (
  select r.rolname, r.oid, r.rolcanlogin, bool_or({reaches}) filter (
    where t.rolname = any (%(callers)s)) as callers,
    bool_or({reaches}) filter (where t.rolname = %(service)s) as service
  from pg_roles as r
  cross join pg_roles as t
  where not r.rolsuper and (t.rolname = any (%(callers)s) or t.rolname = %(service)s)
  group by 1, 2, 3
)
select reach.rolname, reach.rolname = any (%(callers)s) as caller, array(
  select format('revoke %%I from %%I', s.rolname, m.rolname)
    || case when {grantors} and a.grantor <> 10
      then format(' granted by %%I', g.rolname) else '' end
  from pg_auth_members as a
  inner join pg_roles as s on s.oid = a.roleid
  inner join pg_roles as m on m.oid = a.member
  left join pg_roles as g on g.oid = a.grantor
  where s.rolname = %(service)s and pg_has_role(reach.oid, m.oid, 'MEMBER'))
from reach
where callers and service and (rolcanlogin or rolname = any (%(callers)s))
order by 2 desc, 1"""
_ABOVE = """
select distinct m.rolname, case when m.rolsuper then 'superuser' else 'bypassrls' end,
  case when m.oid = 10 then format('revoke %%I from %%I', t.rolname, m.rolname)
    else format('alter role %%I nosuperuser nobypassrls', m.rolname) end
from pg_auth_members as a
inner join pg_roles as t on t.oid = a.roleid
inner join pg_roles as m on m.oid = a.member
where t.rolname = any (%(callers)s) and m.rolcanlogin
  and (m.rolsuper or m.rolbypassrls)
order by 1"""
_APP = """
select r.rolsuper or r.rolbypassrls,
  array(select t from unnest(%(callers)s::text[]) as t
    where to_regrole(quote_ident(t)) is null or not pg_has_role(r.oid, t, {right})),
  to_regrole(quote_ident(%(service)s)) is not null
    and pg_has_role(r.oid, %(service)s, {right}),
  array(select n.nspname from pg_namespace as n
    where n.nspname = any (%(schemas)s) and pg_has_role(r.oid, n.nspowner, 'USAGE')),
  quote_ident(r.rolname)
from pg_roles as r where r.rolname = session_user"""


def _reaches(patient: Patient) -> str:
    if patient.version < SETTABLE:
        return "pg_has_role(r.oid, t.oid, 'MEMBER')"
    return "(pg_has_role(r.oid, t.oid, 'USAGE') or pg_has_role(r.oid, t.oid, 'SET'))"


def of_ours(check: Examine) -> Examine:
    """Return the check, skipped where the project is somebody else's."""

    @wraps(check)
    def asked_of_ours(patient: Patient) -> Verdict:
        if patient.all_roles:
            return check(patient)
        return skip(f'project "{patient.project.plan.project}" has roles of its own')

    return asked_of_ours


@of_ours
def roles(patient: Patient) -> Verdict:
    """Tell whether the five roles are there."""
    missing = patient.rows(
        "select role, quote_ident(role) from unnest(%s::text[])"
        " with ordinality as given (role, place)"
        " where not exists (select from pg_roles where rolname = role) order by place",
        patient.all_roles,
    )
    if missing:
        return fail(
            f"missing: {', '.join(name for name, _ in missing)}",
            sql(*(f"create role {quoted} nologin" for _, quoted in missing)),
        )
    return ok(", ".join(patient.all_roles))


@of_ours
def attributes(patient: Patient) -> Verdict:
    """Tell whether a role can do by itself what only policies should decide."""
    service = patient.roles.service_role
    bad = patient.rows(_BAD, service=service, roles=patient.all_roles)
    if bad:
        found = ", ".join(f"{name} has {attribute}" for name, attribute, _ in bad)
        return fail(found, sql(*(cure for *_, cure in bad)))
    bypassing = patient.rows(
        "select from pg_roles where rolname = %s and rolbypassrls", service
    )
    also = (
        f"; {service} has bypassrls from its host, which is fine" if bypassing else ""
    )
    return ok(f"none can log in, and none is more than a role{also}")


@of_ours
def logins(patient: Patient) -> Verdict:
    """Tell which login could leave a caller's role for the service's."""
    service = patient.roles.service_role
    query = _BOTH.format(
        reaches=_reaches(patient), grantors=patient.version >= SETTABLE
    )
    found = patient.rows(query, callers=list(patient.callers), service=service)
    if not found:
        return ok(f"none reaches both {patient.callers[1]} and {service}")
    cures = list(dict.fromkeys(cure for *_, cures in found for cure in cures))
    names = listed([name for name, *_ in found])
    if found[0][1]:
        return fail(
            f"{names} reaches {service}: every caller is the service", sql(*cures)
        )
    return warn(
        f"in both {patient.callers[1]} and {service}: {names}; whoever injects SQL"
        " there can RESET ROLE out of every policy",
        sql(*cures),
    )


@of_ours
def bypassing(patient: Patient) -> Verdict:
    """Tell which login that serves callers is above row security."""
    found = patient.rows(_ABOVE, callers=list(patient.callers))
    if not found:
        return ok(f"no member of {' or '.join(patient.callers)} is above row security")
    return warn(
        "serves callers, and is above row security until it takes their role: "
        + ", ".join(f"{name} ({attribute})" for name, attribute, _ in found),
        sql(*(cure for *_, cure in found)),
    )


@of_ours
def app(patient: Patient) -> Verdict:
    """Try what the application does: take a caller's role with claims, and no other."""
    if patient.app is None:
        return skip("name the login that serves users with --app")
    try:
        connection = session.connect(patient.app)
    except LearnplanError as error:
        return fail(error.message, words(error.fix or ""))
    with closing(connection):
        return _refusal(patient, connection) or _acting(patient, connection)


def _refusal(patient: Patient, connection: session.Connection) -> Verdict | None:
    """Return what the application's login is too much or too little, if anything."""
    right = "'MEMBER'" if patient.version < SETTABLE else "'SET'"
    service = patient.roles.service_role
    given: dict[str, Any] = {"callers": list(patient.callers), "service": service}
    query = _APP.format(right=right)
    connection.execute("set statement_timeout = '5s'")
    (above, lacking, serves, owned, login), *_ = asked(
        connection, query, **given, schemas=list(SCHEMAS)
    )
    if above:
        cure = sql(f"alter role {login} nosuperuser nobypassrls")
        return fail(f"{login} is above row security", cure)
    if lacking:
        full = " with set true" if patient.version >= SETTABLE else ""
        cure = sql(f"grant {', '.join(lacking)} to {login}{full}")
        return fail(f"{login} may not take {' or '.join(lacking)}", cure)
    if serves:
        cure = sql(f"revoke {service} from {login}")
        return fail(f"{login} may take {service} as well", cure)
    if owned:
        cure = words("serve users with a login of its own, that owns nothing")
        return fail(f"{login} acts for the owner of {', '.join(owned)}", cure)
    return None


def _acting(patient: Patient, connection: session.Connection) -> Verdict:
    """Act as somebody unknown, who is nobody and sees nothing."""
    login, role = connection.info.user, patient.roles.authenticated
    try:
        with acting_as(connection, sub="learnplan-db doctor", role=role):
            asked(connection, "select learnplan.current_user_id()")
    except LearnplanError as error:
        return fail(f"{login}: {error.message}", words(error.fix or ""))
    except psycopg.errors.Error as error:
        text = error.diag.message_primary or str(error)
        return fail(
            f"{login} cannot ask who the caller is: {text}",
            words("see the checks of the plan and of drift; deploy first"),
        )
    return ok(f"{login} takes the role {role}, and no role that may do more")
