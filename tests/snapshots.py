"""A database as lines: two that are equal have the same catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

# Everything in our schemas and the database, without oids: names, definitions, grants.
SNAPSHOT = """
select 'schema ' || nspname || ' ' || coalesce(obj_description(oid, 'pg_namespace'), '')
from pg_namespace where nspname !~ '^pg_' and nspname <> 'sqitch'
union all
select 'schema grant ' || nspname || ' ' || a.grantee::regrole || a.privilege_type
from pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) as a
where nspname like 'learnplan%%'
union all
select concat_ws(' ', 'relation', c.oid::regclass, relkind, relrowsecurity,
  relforcerowsecurity, reloptions, obj_description(c.oid, 'pg_class'))
from pg_class as c inner join pg_namespace as n on n.oid = relnamespace
where nspname like 'learnplan%%'
union all
select concat_ws(' ', 'column', attrelid::regclass, attname, atttypid::regtype,
  attnotnull, attgenerated, pg_get_expr(d.adbin, d.adrelid),
  col_description(attrelid, attnum))
from pg_attribute as a inner join pg_class as c on c.oid = attrelid
inner join pg_namespace as n on n.oid = relnamespace
left join pg_attrdef as d on d.adrelid = attrelid and d.adnum = attnum
where nspname like 'learnplan%%' and attnum > 0 and not attisdropped
union all
select concat_ws(' ', 'grant', c.oid::regclass, g.grantee::regrole, g.privilege_type)
from pg_class as c inner join pg_namespace as n on n.oid = relnamespace,
  aclexplode(coalesce(relacl, acldefault('r', relowner))) as g
where nspname like 'learnplan%%' and relkind in ('r', 'v')
union all
select concat_ws(' ', 'grant', attrelid::regclass, attname, g.grantee::regrole,
  g.privilege_type)
from pg_attribute inner join pg_class as c on c.oid = attrelid, aclexplode(attacl) as g
union all
select concat_ws(' ', 'constraint', conrelid::regclass, conname,
  pg_get_constraintdef(oid)) from pg_constraint where connamespace::regnamespace::text
  like 'learnplan%%'
union all
select 'index ' || indexdef from pg_indexes where schemaname like 'learnplan%%'
union all
select concat_ws(' ', 'trigger', pg_get_triggerdef(oid), tgenabled)
from pg_trigger where not tgisinternal
union all
select concat_ws(' ', 'policy', polname, polrelid::regclass, polcmd, polroles::text,
  pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
  obj_description(oid, 'pg_policy')) from pg_policy
union all
select concat_ws(' ', 'function', pg_get_functiondef(p.oid), proowner::regrole,
  (select string_agg(g.grantee::regrole || g.privilege_type, ',' order by 1)
    from aclexplode(coalesce(proacl, acldefault('f', proowner))) as g),
  obj_description(p.oid, 'pg_proc'))
from pg_proc as p where pronamespace::regnamespace::text like 'learnplan%%'
union all
select concat_ws(' ', 'enum', enumtypid::regtype, enumlabel, enumsortorder,
  obj_description(enumtypid, 'pg_type')) from pg_enum
union all
select 'extension ' || extname from pg_extension
union all
select concat_ws(' ', 'member', roleid::regrole, member::regrole) from pg_auth_members
where roleid::regrole::text like 'learnplan%%'
  and member::regrole::text !~ '^owner_' -- another worker's, on a shared server
order by 1"""


def snapshot(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the catalog as sorted lines; definitions are qualified."""
    connection.execute("set search_path = pg_catalog")
    found = [row[0] for row in connection.execute(SNAPSHOT.replace("%%", "%").encode())]
    connection.execute("reset search_path")
    return found
