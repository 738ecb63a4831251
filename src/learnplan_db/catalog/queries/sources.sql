-- The statements that make functions and procedures.
select p.oid::regprocedure::text, pg_get_functiondef(p.oid)
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
where n.nspname = any(current_setting('learnplan_db.schemas')::text[])
  and p.prokind in ('f', 'p', 'w')
