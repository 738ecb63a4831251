-- The keys of the tables in the schemas of learnplan_db.schemas, column by column: what is
-- unique, and what is a row of another table. A partition's are those of its whole.
-- Runs on PostgreSQL 15 to 18 with search_path = pg_catalog.
with
tables as materialized (
  select c.oid, format('%I.%I', n.nspname, c.relname) as name
  from pg_class as c
  inner join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = any(current_setting('learnplan_db.schemas')::text[])
    and c.relkind in ('r', 'p', 'f') and not c.relispartition
)

select case when i.indisprimary then 'primary' else 'unique' end as kind,
  t.name, x.relname::text as key,
  (
    select array_agg(a.attname::text order by u.place)
    from unnest(i.indkey::int2[]) with ordinality as u (number, place)
    inner join pg_attribute as a on a.attrelid = t.oid and a.attnum = u.number
    where u.place <= i.indnkeyatts
  ) as columns,
  null::text as parent, null::text[] as targets, null::text as action
from tables as t
inner join pg_index as i on i.indrelid = t.oid
inner join pg_class as x on x.oid = i.indexrelid
where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null

union all
select 'foreign', t.name, k.conname::text,
  (
    select array_agg(a.attname::text order by u.place)
    from unnest(k.conkey) with ordinality as u (number, place)
    inner join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = u.number
  ),
  format('%I.%I', n.nspname, p.relname),
  (
    select array_agg(a.attname::text order by u.place)
    from unnest(k.confkey) with ordinality as u (number, place)
    inner join pg_attribute as a on a.attrelid = k.confrelid and a.attnum = u.number
  ),
  case k.confdeltype when 'c' then 'cascade' when 'n' then 'set null' when 'd' then 'set default'
    when 'r' then 'restrict' else 'no action' end
from tables as t
inner join pg_constraint as k on k.conrelid = t.oid and k.contype = 'f'
inner join pg_class as p on p.oid = k.confrelid
inner join pg_namespace as n on n.oid = p.relnamespace
-- What such a key holds of each partition of its parent has a constraint too.
where k.conparentid = 0
order by 2, 1, 3
