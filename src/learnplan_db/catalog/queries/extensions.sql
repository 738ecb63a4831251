-- The extensions of a database, and the schemas that they are in.
select quote_ident(e.extname), quote_ident(n.nspname)
from pg_extension as e
inner join pg_namespace as n on n.oid = e.extnamespace
order by 1
