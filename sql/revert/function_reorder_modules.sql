-- Revert learnplan-db:function_reorder_modules from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan.reorder_modules(uuid, uuid[]);

commit;
