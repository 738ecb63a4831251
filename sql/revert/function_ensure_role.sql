-- Revert learnplan-db:function_ensure_role from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan_private.ensure_role(name);

commit;
