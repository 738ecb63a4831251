-- Revert learnplan-db:trigger_task_resources from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop trigger _100_stamp_created_at on learnplan.task_resources;

commit;
