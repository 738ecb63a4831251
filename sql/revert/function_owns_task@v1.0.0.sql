-- Revert learnplan-db:function_owns_task from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan_private.owns_task(uuid, uuid);

commit;
