-- All schemas of a database but the system's and those that an extension brought along.
select n.nspname::text
from pg_namespace as n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (
    select from pg_depend as d
    where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e'
  )
order by n.nspname collate "C"
