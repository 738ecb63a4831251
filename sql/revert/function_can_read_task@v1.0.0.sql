-- Revert learnplan-db:function_can_read_task from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan_private.can_read_task(uuid, uuid);

commit;
