-- The roles of the cluster, as a catalog names them.
select quote_ident(rolname) from pg_roles
