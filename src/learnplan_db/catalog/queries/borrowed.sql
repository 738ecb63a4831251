-- The qualified names that extensions lent to what is ours: where a host keeps its extensions
-- is its own choice.
with brought as (
  select classid, objid from pg_depend where deptype = 'e'
),
used as (
  select distinct d.refclassid as class, d.refobjid as oid
  from pg_depend as d
  inner join brought as b on b.classid = d.refclassid and b.objid = d.refobjid
  where d.deptype = 'n' and not exists (
    select from brought as o where o.classid = d.classid and o.objid = d.objid
  )
)

select format('%I.%I', n.nspname, named.name)
from (
  select c.opcname, c.opcnamespace from used as u
  inner join pg_opclass as c on c.oid = u.oid and u.class = 'pg_opclass'::regclass
  union
  select t.typname, t.typnamespace from used as u
  inner join pg_type as t on t.oid = u.oid and u.class = 'pg_type'::regclass
  union
  select p.proname, p.pronamespace from used as u
  inner join pg_proc as p on p.oid = u.oid and u.class = 'pg_proc'::regclass
) as named (name, schema)
inner join pg_namespace as n on n.oid = named.schema
where n.nspname <> all(current_setting('learnplan_db.schemas')::text[])
union
select format('%I.%s', n.nspname, o.oprname)
from used as u
inner join pg_operator as o on o.oid = u.oid and u.class = 'pg_operator'::regclass
inner join pg_namespace as n on n.oid = o.oprnamespace
