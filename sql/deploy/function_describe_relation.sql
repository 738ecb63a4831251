-- Deploy learnplan-db:function_describe_relation to pg
-- requires: schema_learnplan_private
--
-- One line an aspect, led by its kind: column, constraint, index, trigger, row (row security),
-- policy, grant, option, view. Names are qualified whatever the caller's search_path, since
-- the function pins its own. Grants of the owner to itself are left out.
-- Source: PostgreSQL 15 to 18, system catalogs.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.describe_relation(relation regclass, variadic kinds text[])
returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
set quote_all_identifiers = off
as $$
with lines (line) as (
  select concat_ws(' ', 'column', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
    case when a.attnotnull then 'not null' end,
    case when a.attgenerated <> '' then 'generated' when d.oid is not null then 'default' end,
    pg_get_expr(d.adbin, d.adrelid))
  from pg_attribute as a
  left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = relation and a.attnum > 0 and not a.attisdropped
  union all
  select concat_ws(' ', 'constraint', conname, pg_get_constraintdef(oid),
    case when not convalidated then 'not validated' end)
  from pg_constraint
  where conrelid = relation and contype <> 'n'
  union all
  select concat_ws(' ', 'index', regexp_replace(pg_get_indexdef(indexrelid), '^CREATE ', ''),
    case when not (indisvalid and indisready) then 'invalid' end)
  from pg_index
  where indrelid = relation
  union all
  select concat_ws(' ', 'trigger',
    regexp_replace(pg_get_triggerdef(oid), '^CREATE TRIGGER ', ''),
    case tgenabled when 'O' then null when 'D' then 'disabled'
      else 'enabled ' || tgenabled::text end)
  from pg_trigger
  where tgrelid = relation and not tgisinternal
  union all
  select concat_ws(' ', 'row security',
    case when relrowsecurity then 'enabled' else 'disabled' end,
    case when relforcerowsecurity then 'forced' else 'not forced' end)
  from pg_class
  where oid = relation
  union all
  select concat_ws(' ', 'policy', polname,
    case when polpermissive then 'permissive' else 'restrictive' end,
    'for', case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
      when 'd' then 'delete' else 'all' end,
    'to', (
      select string_agg(coalesce(r.rolname, 'public'), ', ' order by r.rolname)
      from unnest(polroles) as member (oid)
      left join pg_roles as r on r.oid = member.oid
    ),
    'using ' || regexp_replace(pg_get_expr(polqual, polrelid), '\s+', ' ', 'g'),
    'with check ' || regexp_replace(pg_get_expr(polwithcheck, polrelid), '\s+', ' ', 'g'))
  from pg_policy
  where polrelid = relation
  union all
  select concat_ws(' ', 'grant', lower(acl.privilege_type collate "C"), 'to',
    coalesce(r.rolname, 'public'), case when acl.is_grantable then 'with grant option' end)
  from pg_class as c
  cross join lateral aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as acl
  left join pg_roles as r on r.oid = acl.grantee
  where c.oid = relation and acl.grantee <> c.relowner
  union all
  select concat_ws(' ', 'grant', lower(acl.privilege_type collate "C"),
    format('(%I)', a.attname), 'to',
    coalesce(r.rolname, 'public'), case when acl.is_grantable then 'with grant option' end)
  from pg_attribute as a
  inner join pg_class as c on c.oid = a.attrelid
  cross join lateral aclexplode(a.attacl) as acl
  left join pg_roles as r on r.oid = acl.grantee
  where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and acl.grantee <> c.relowner
  union all
  select concat_ws(' ', 'option', option)
  from pg_class
  cross join lateral unnest(reloptions) as reloption (option)
  where oid = relation
  union all
  select concat_ws(' ', 'view', md5(regexp_replace(pg_get_viewdef(oid), '\s+', ' ', 'g')))
  from pg_class
  where oid = relation and relkind = 'v'
)

select line
from lines
where split_part(line, ' ', 1) = any(kinds)
order by line
$$;

comment on function learnplan_private.describe_relation(regclass, text[]) is
  'Describes a table or view in lines of the kinds asked for; verify scripts compare them.';

revoke all on function learnplan_private.describe_relation(regclass, text[]) from public;

commit;
