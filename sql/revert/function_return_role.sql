-- Revert learnplan-db:function_return_role from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan_private.return_role(name);

commit;
