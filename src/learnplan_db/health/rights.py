"""
Checks of privileges: what this login may deploy, who owns what, what PUBLIC may.

May import lower floors; only reads.
Source: design, 3 and 5; PostgreSQL, "Privileges".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from learnplan_db.health.nouns import fail, listed, ok, skip, sql, warn, words
from learnplan_db.health.patient import INTERNAL, SCHEMAS, SETTABLE

if TYPE_CHECKING:
    from learnplan_db.health.nouns import Verdict
    from learnplan_db.health.patient import Patient

_LOGIN = """
select r.rolsuper, r.rolcreaterole, quote_ident(r.rolname),
  pg_has_role(r.oid, d.datdba, 'USAGE'),
  has_database_privilege(r.oid, d.oid, 'CREATE'), quote_ident(d.datname),
  array(select distinct quote_ident(o.rolname) from pg_namespace as n
    inner join pg_roles as o on o.oid = n.nspowner
    where n.nspname = any (%(schemas)s) and not pg_has_role(r.oid, o.oid, 'USAGE')),
  exists (select from pg_namespace as n inner join pg_roles as o on o.oid = n.nspowner
    where n.nspname = any (%(schemas)s) and o.rolsuper),
  array(select quote_ident(t) from unnest(%(roles)s::text[]) as t
    where not exists (select from pg_roles where rolname = t)),
  array(select quote_ident(t.rolname) from pg_roles as t
    where t.rolname = any (%(internal)s) and not pg_has_role(r.oid, t.oid, 'USAGE')
      and not pg_has_role(r.oid, t.oid, 'MEMBER WITH ADMIN OPTION')
      and not ({old} and r.rolcreaterole)),
  (select count(*) from pg_namespace where nspname = any (%(schemas)s))
from pg_roles as r, pg_database as d
where r.rolname = session_user and d.datname = current_database()"""
# A definer function belongs to a role of its own, and is no stray.
_OWNED = """
select kind, name, quote_ident(pg_get_userbyid(owner)), home, cure
from (
  select 'schema' as kind, quote_ident(n.nspname) as name, n.nspowner as owner,
    n.oid as schema, format('alter schema %%I owner to', n.nspname) as cure
  from pg_namespace as n
  union all
  select case c.relkind when 'v' then 'view' else 'table' end,
    format('%%I.%%I', n.nspname, c.relname), c.relowner, n.oid,
    format('alter %%s %%I.%%I owner to', case c.relkind when 'v' then 'view'
      else 'table' end, n.nspname, c.relname)
  from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v')
  union all
  select 'function', p.oid::regprocedure::text, p.proowner, n.oid,
    format('alter function %%s owner to', p.oid::regprocedure)
  from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace
  where not p.prosecdef
) as owned
cross join lateral (
  select quote_ident(pg_get_userbyid(nspowner)) as home from pg_namespace
  where nspname = %(first)s
) as main
where owned.schema in (select oid from pg_namespace where nspname = any (%(schemas)s))
order by 1, 2"""
# Who makes a role may grant it, which is no membership that says or sees anything.
_SERVING = """
select format('revoke %%I from %%I', t.rolname, m.rolname) || {granted}
from pg_namespace as n
inner join pg_auth_members as a on a.member = n.nspowner
inner join pg_roles as t on t.oid = a.roleid
inner join pg_roles as m on m.oid = a.member
inner join pg_roles as g on g.oid = a.grantor
where n.nspname = %(first)s and t.rolname = any (%(callers)s) and not m.rolsuper
  and {real}
order by 1"""
_REAL = {
    "granted": "format(' granted by %%I', g.rolname)",
    "real": "(a.inherit_option or a.set_option)",
}
_REAL_ON_15 = {"granted": "''", "real": "true"}


class _Login(NamedTuple):
    """
    What _LOGIN says of who asks: names are quoted.

    ``owners`` are those of schemas for whom it may not act, ``missing`` the roles that
    are not there, ``barred`` the internal roles whose functions it could not make.
    """

    superuser: bool
    creates: bool
    name: str
    owner: bool
    may_create: bool
    database: str
    owners: list[str]
    under_superuser: bool
    missing: list[str]
    barred: list[str]
    schemas: int

    def needs(self, patient: Patient) -> list[str]:
        """Return what somebody has to grant, before this login can deploy."""
        needs = [patient.grant(name, self.name) for name in self.owners + self.barred]
        if not self.may_create and self.schemas <= len(SCHEMAS):
            needs.append(f"grant create on database {self.database} to {self.name}")
        if not self.creates:
            needs += [f"create role {name} nologin" for name in self.missing]
            needs += [
                f"grant {n} to {self.name}" for n in self.missing if n in INTERNAL
            ]
        return needs


def deployer(patient: Patient) -> Verdict:
    """Tell whether this login can deploy, as what, and what it lacks."""
    row = patient.row(
        _LOGIN.format(old=patient.version < SETTABLE),
        schemas=[*SCHEMAS, patient.registry.schema],
        roles=patient.all_roles,
        internal=patient.all_roles[-len(INTERNAL) :],
    )
    login = _Login(*row)
    if login.superuser:
        text = f"{login.name} can deploy, as a superuser; the database's owner would do"
        return ok(text)
    if needs := login.needs(patient):
        owners = ", ".join(login.owners)
        text = f"{login.name} cannot deploy, and an application's login need not"
        if login.owners and login.under_superuser:  # whom nobody should be granted
            return warn(text, words(f"deploy as {owners}, who owns the schemas"))
        return warn(text + (f"; {owners} can" if owners else ""), sql(*needs))
    what = "the owner of the database" if login.owner else "one who may create in it"
    created = "CREATEROLE is needed once, for the missing roles"
    if not login.missing:
        created = "CREATEROLE is not needed" + ", and may go" * login.creates
    return ok(f"{login.name} can deploy, as {what}; {created}")


def owner(patient: Patient) -> Verdict:
    """Tell whether one role owns the schemas, and serves nobody else."""
    first = SCHEMAS[0]
    found = patient.rows(_OWNED, schemas=list(SCHEMAS), first=first)
    if not found:
        return skip("the schemas are not there")
    home = found[0][3]
    stray = [(name, cure) for _, name, owned, _, cure in found if owned != home]
    if stray:
        names = listed([name for name, _ in stray])
        return warn(
            f"not the property of {home}, who owns the schema: {names}",
            sql(*(f"{cure} {home}" for _, cure in stray)),
        )
    real = _REAL if patient.version >= SETTABLE else _REAL_ON_15
    query = _SERVING.format(**real)
    serving = patient.rows(query, callers=list(patient.callers), first=first)
    if serving:
        return warn(
            f"{home} owns the tables, and is a member of those who are served",
            sql(*(cure for (cure,) in serving)),
        )
    return ok(f"{home} owns the schemas, and all in them but definer functions")


def temporary(patient: Patient) -> Verdict:
    """Tell whether anybody may make temporary objects, and so shadow a name."""
    granted, database = patient.row(
        "select exists (select from aclexplode(coalesce(d.datacl,"
        " acldefault('d', d.datdba))) as x"
        " where x.grantee = 0 and x.privilege_type = 'TEMPORARY'),"
        " quote_ident(d.datname)"
        " from pg_database as d where d.datname = current_database()"
    )
    if not granted:
        return ok("only who was granted it makes temporary tables")
    return warn(
        "whoever connects may make temporary objects, which are found before others",
        sql(f"revoke temporary on database {database} from public"),
    )


def public_schema(patient: Patient) -> Verdict:
    """Tell whether anybody may create in the schema that everybody searches."""
    found = patient.rows(
        "select has_schema_privilege('public', oid, 'CREATE') from pg_namespace"
        " where nspname = 'public'"
    )
    if found and found[0][0]:
        return fail(
            "whoever connects may create functions in schema public, which others call",
            sql("revoke create on schema public from public"),
        )
    return ok("nobody creates in schema public uninvited")
