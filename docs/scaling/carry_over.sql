-- What hangs on a table, as the statements that make it again; included by the scripts beside it.
--
-- Owner, grants, policies, triggers, comments and the views that read the table, taken before it is
-- renamed: they are played on the table that then carries its name. Whatever version of the plan is
-- deployed, its own rules are carried over, none is written out here.

create function pg_temp.what_hangs_on(relation regclass)
returns table (place bigint, statement text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
with recursive readers (oid, depth) as (
  select r.ev_class, 1
  from pg_depend as d
  inner join pg_rewrite as r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass
  where d.refobjid = relation and r.ev_class <> relation
  union
  select r.ev_class, readers.depth + 1
  from readers
  inner join pg_depend as d on d.refobjid = readers.oid
  inner join pg_rewrite as r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass
  where r.ev_class <> readers.oid
), found (step, name, statement) as (
  select 0, '', format('alter table %s owner to %I', relation, pg_get_userbyid(relowner))
  from pg_class
  where oid = relation
  union all
  select 1, '', format('revoke all on %s from public, anon, authenticated, service_role', relation)
  union all
  select 2, '', format('grant %s on %s to %s', acl.privilege_type, relation,
    coalesce(quote_ident(r.rolname), 'public'))
  from pg_class as c
  cross join lateral aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as acl
  left join pg_roles as r on r.oid = acl.grantee
  where c.oid = relation
  union all
  select 3, a.attname::text, format('grant %s (%I) on %s to %s', acl.privilege_type, a.attname,
    relation, coalesce(quote_ident(r.rolname), 'public'))
  from pg_attribute as a
  cross join lateral aclexplode(a.attacl) as acl
  left join pg_roles as r on r.oid = acl.grantee
  where a.attrelid = relation and not a.attisdropped
  union all
  select 4, p.polname::text, concat_ws(' ',
    format('create policy %I on %s as', p.polname, relation),
    case when p.polpermissive then 'permissive' else 'restrictive' end,
    'for', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
      when 'd' then 'delete' else 'all' end,
    'to', (
      select string_agg(coalesce(quote_ident(r.rolname), 'public'), ', ')
      from unnest(p.polroles) as member (oid)
      left join pg_roles as r on r.oid = member.oid
    ),
    'using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
    'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
  from pg_policy as p
  where p.polrelid = relation
  union all
  select 5, p.polname::text, format('comment on policy %I on %s is %L', p.polname, relation,
    obj_description(p.oid, 'pg_policy'))
  from pg_policy as p
  where p.polrelid = relation
  union all
  select 6, t.tgname::text, pg_get_triggerdef(t.oid)
  from pg_trigger as t
  where t.tgrelid = relation and not t.tgisinternal
  union all
  select 7, '', format('comment on table %s is %L', relation, obj_description(relation, 'pg_class'))
  union all
  select 8, a.attname::text, format('comment on column %s.%I is %L', relation, a.attname,
    col_description(relation, a.attnum))
  from pg_attribute as a
  where a.attrelid = relation and a.attnum > 0 and not a.attisdropped
  union all
  -- The columns are the same, so nothing that stands on the views, nor their grants, is touched.
  select 9, max(readers.depth)::text, concat_ws(' ', 'create or replace view', v.oid::regclass,
    'with (' || array_to_string(v.reloptions, ', ') || ')', 'as', pg_get_viewdef(v.oid))
  from readers
  inner join pg_class as v on v.oid = readers.oid
  group by v.oid, v.reloptions
)

select row_number() over (order by step, name), found.statement
from found
$$;
