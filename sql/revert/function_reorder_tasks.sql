-- Revert learnplan-db:function_reorder_tasks from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan.reorder_tasks(uuid, uuid[]);

commit;
