-- Types, and sorts of objects of which little more than the name is read; part of frame.sql.
select
  case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'c' then 'composite'
    when 'r' then 'range' else 'other' end,
  t.name, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)), null,
  obj_description(t.oid, 'pg_type'),
  jsonb_build_object(
    'labels', (
      select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
      from pg_enum as e where e.enumtypid = t.oid
    )
  )
  || case when t.typtype = 'd' then jsonb_build_object(
    'type', format_type(t.typbasetype, t.typtypmod),
    'not_null', case when t.typnotnull then 'yes' else 'no' end,
    'default', t.typdefault,
    'collation', case when t.typcollation <> b.typcollation
      then t.typcollation::regcollation::text end
  ) else '{}' end
  || coalesce((
    select jsonb_build_object('subtype', r.rngsubtype::regtype::text)
    from pg_range as r where r.rngtypid = t.oid
  ), '{}')
from types as t
left join pg_type as b on b.oid = t.typbasetype

union all
select 'cast', i.identity, null, null, null, obj_description(c.oid, 'pg_cast'),
  jsonb_build_object('method', c.castmethod::text, 'context', c.castcontext::text,
    'function', nullif(c.castfunc, 0)::regprocedure::text)
from pg_cast as c
cross join lateral pg_identify_object('pg_cast'::regclass, c.oid, 0) as i
where (c.castsource in (select oid from types) or c.casttarget in (select oid from types))

union all
select 'other', i.type || ' ' || i.identity, null, null, null,
  obj_description(o.oid, o.class::text::name), '{}'
from others as o
cross join lateral pg_identify_object(o.class, o.oid, 0) as i
where o.schema in (select oid from ours)
  and not exists (
    select from brought as b where b.classid = o.class and b.objid = o.oid
  )
