"""
The security surface of a database as its catalog holds it, read once.

Policies, rights, functions, constraints and triggers of the schemas learnplan and
learnplan_private; any other name comes from the server. May import security.render;
only reads; never prints.
Source: PostgreSQL, "System Catalogs".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import namedtuple_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from learnplan_db.security.variables import Variables

OURS = "('learnplan', 'learnplan_private')"
PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Surface:
    """
    What guards the rows, by sort; the rows have the columns that the queries name.

    ``callers`` are the roles of the API from the least trusted on, ``keepers`` those
    that own security definer functions and nothing else. ``grants`` holds roles that
    the connection may make others a member of.
    """

    version: int
    superuser: bool
    user: str
    authenticated: str
    anon: str
    callers: tuple[str, ...]
    keepers: tuple[str, ...]
    grants: frozenset[str]
    members: frozenset[tuple[str, str]]
    bypassing: frozenset[str]
    relations: Sequence[Any]
    columns: Mapping[tuple[str, str], Mapping[str, str]]
    fields: Sequence[Any]
    policies: Sequence[Any]
    rights: Sequence[Any]
    schemas: Sequence[Any]
    functions: Sequence[Any]
    constraints: Sequence[Any]
    triggers: Sequence[Any]


_RELATIONS = f"""
select c.oid, n.nspname as schema, c.relname as name,
  format('%I.%I', n.nspname, c.relname) as sql, c.relkind::text as kind,
  c.relrowsecurity as secured, c.relforcerowsecurity as forced,
  'security_invoker=true' = any(c.reloptions)
    or 'security_invoker=on' = any(c.reloptions) as invoker,
  (pg_relation_is_updatable(c.oid, false) & 12) <> 0 as writable,
  pg_get_userbyid(c.relowner)::text as owner
from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname in {OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by n.nspname, c.relname"""

_FIELDS = f"""
select n.nspname as schema, c.relname as table, c.relkind::text as kind,
  format('%I.%I', n.nspname, c.relname) as sql, a.attname as name,
  quote_ident(a.attname) as quoted, format_type(a.atttypid, a.atttypmod) as type,
  a.attnotnull as required, pg_get_expr(d.adbin, d.adrelid) as initial,
  coalesce(a.attnum = any(k.conkey), false) as key,
  array(
    select quote_literal(e.enumlabel) from pg_enum as e
    where e.enumtypid = a.atttypid order by e.enumsortorder
  ) as labels
from pg_attribute as a
inner join pg_class as c on c.oid = a.attrelid
inner join pg_namespace as n on n.oid = c.relnamespace
left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_constraint as k on k.conrelid = c.oid and k.contype = 'p'
where n.nspname in {OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and a.attnum > 0 and not a.attisdropped
order by n.nspname, c.relname, a.attnum"""

_POLICIES = f"""
select p.polname as name, quote_ident(p.polname) as quoted, n.nspname as schema,
  c.relname as table, format('%I.%I', n.nspname, c.relname) as sql,
  case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
    when 'd' then 'delete' else 'all' end as command,
  p.polpermissive as permissive,
  array(
    select coalesce(r.rolname::text, 'public') from unnest(p.polroles) as role (oid)
    left join pg_roles as r on r.oid = role.oid order by 1
  ) as roles,
  pg_get_expr(p.polqual, p.polrelid) as using,
  pg_get_expr(p.polwithcheck, p.polrelid) as check,
  obj_description(p.oid, 'pg_policy') as comment
from pg_policy as p
inner join pg_class as c on c.oid = p.polrelid
inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname in {OURS}
order by n.nspname, c.relname, p.polname"""

# One row a right that somebody has who does not own the object.
_RIGHTS = f"""
select o.sort, o.sql, o.name, pg_get_userbyid(o.owner)::text as owner, o.field,
  lower(a.privilege_type) as right, coalesce(r.rolname::text, 'public') as grantee,
  a.is_grantable as grantable
from (
  select 'table' as sort, format('%I.%I', n.nspname, c.relname) as sql,
    c.relname::text as name, c.relowner as owner, null as field,
    coalesce(c.relacl, acldefault('r', c.relowner)) as acl
  from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname in {OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f')
  union all
  select 'table', format('%I.%I', n.nspname, c.relname), c.relname, c.relowner,
    a.attname, a.attacl
  from pg_attribute as a inner join pg_class as c on c.oid = a.attrelid
  inner join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname in {OURS} and a.attacl is not null and not a.attisdropped
  union all
  select 'schema', quote_ident(n.nspname), n.nspname, n.nspowner, null,
    coalesce(n.nspacl, acldefault('n', n.nspowner))
  from pg_namespace as n where n.nspname in {OURS}
  union all
  select 'function', p.oid::regprocedure::text, p.proname, p.proowner, null,
    coalesce(p.proacl, acldefault('f', p.proowner))
  from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace
  where n.nspname in {OURS} and p.prokind = 'f'
) as o
cross join lateral aclexplode(o.acl) as a
left join pg_roles as r on r.oid = a.grantee
where a.grantee <> o.owner
order by o.sort, o.sql, o.field nulls first, lower(a.privilege_type), 7"""

_SCHEMAS = f"""
select nspname as name, quote_ident(nspname) as sql,
  pg_get_userbyid(nspowner)::text as owner
from pg_namespace where nspname in {OURS} order by nspname"""

_FUNCTIONS = f"""
select p.oid, n.nspname as schema, p.proname as name,
  p.oid::regprocedure::text as sql, pg_get_userbyid(p.proowner)::text as owner,
  p.prorettype::regtype::text as returns, p.provolatile::text as volatility,
  p.prosecdef as definer, l.lanname as language, p.prosrc as body,
  pg_get_functiondef(p.oid) as definition,
  exists (
    select from unnest(p.proconfig) as setting where setting like 'search_path=%'
  ) as pinned,
  exists (
    select from pg_depend as d where d.refobjid = p.oid
      and d.refclassid = 'pg_proc'::regclass and d.classid = 'pg_policy'::regclass
  ) as asked
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
inner join pg_language as l on l.oid = p.prolang
where n.nspname in {OURS} and p.prokind = 'f'
order by n.nspname, p.proname, p.oid::regprocedure::text"""

_CONSTRAINTS = f"""
select c.conname as name, quote_ident(c.conname) as quoted, r.relname as table,
  format('%I.%I', n.nspname, r.relname) as sql, c.contype::text as kind,
  c.confdeltype::text as deletes, pg_get_constraintdef(c.oid) as definition,
  array(
    select a.attname::text from pg_attribute as a
    where a.attrelid = c.conrelid and a.attnum = any(c.conkey)
  ) as fields
from pg_constraint as c
inner join pg_class as r on r.oid = c.conrelid
inner join pg_namespace as n on n.oid = r.relnamespace
where n.nspname in {OURS} and c.contype in ('c', 'p', 'u', 'f', 'x')
order by n.nspname, r.relname, c.conname"""

_TRIGGERS = f"""
select t.tgname as name, quote_ident(t.tgname) as quoted, r.relname as table,
  format('%I.%I', n.nspname, r.relname) as sql, t.tgenabled::text as enabled
from pg_trigger as t
inner join pg_class as r on r.oid = t.tgrelid
inner join pg_namespace as n on n.oid = r.relnamespace
where n.nspname in {OURS} and not t.tgisinternal
order by n.nspname, r.relname, t.tgname"""

# Before 16, CREATEROLE alone lets a role hand out any other that is no superuser.
_ROLES = """
select r.rolname::text as name, r.rolbypassrls as bypasses,
  array(
    select pg_get_userbyid(m.member)::text from pg_auth_members as m
    where m.roleid = r.oid
  ) as members,
  me.rolsuper
    or (current_setting('server_version_num')::integer < 160000 and me.rolcreaterole)
    or pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION') as granted
from pg_roles as r, pg_roles as me
where me.rolname = current_user
order by r.rolname"""

_SELF = """
select current_user::text as user, rolsuper as superuser
from pg_roles where rolname = current_user"""


def read(connection: psycopg.Connection[Any], roles: Variables) -> Surface:
    """
    Return what guards the rows.

    Every name comes qualified, whatever search_path the caller has set; that is as it
    was again when this returns.
    """
    with (
        connection.transaction(force_rollback=True),
        connection.cursor(row_factory=namedtuple_row) as cursor,
    ):
        cursor.execute("set local search_path = pg_catalog")

        def rows(query: str) -> Sequence[Any]:
            return cursor.execute(query.encode()).fetchall()

        return _assembled(connection.info.server_version, rows, roles)


def _assembled(version: int, rows: Any, roles: Variables) -> Surface:
    me, known = rows(_SELF)[0], rows(_ROLES)
    relations, functions, fields = rows(_RELATIONS), rows(_FUNCTIONS), rows(_FIELDS)
    names = {role.name for role in known}
    wanted = (roles.anon, roles.authenticated, roles.service_role)
    owners = {function.owner for function in functions if function.definer}
    columns: dict[tuple[str, str], dict[str, str]] = {}
    for one in fields:
        columns.setdefault((one.schema, one.table), {})[one.name] = one.type
    return Surface(
        version=version,
        superuser=me.superuser,
        user=me.user,
        authenticated=roles.authenticated,
        anon=roles.anon,
        callers=tuple(role for role in wanted if role in names),
        keepers=tuple(sorted(owners - {one.owner for one in relations} - set(wanted))),
        grants=frozenset(role.name for role in known if role.granted),
        members=frozenset((role.name, m) for role in known for m in role.members),
        bypassing=frozenset(role.name for role in known if role.bypasses),
        relations=relations,
        columns=columns,
        fields=fields,
        policies=rows(_POLICIES),
        rights=rows(_RIGHTS),
        schemas=rows(_SCHEMAS),
        functions=functions,
        constraints=rows(_CONSTRAINTS),
        triggers=rows(_TRIGGERS),
    )
