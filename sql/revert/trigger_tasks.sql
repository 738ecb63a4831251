-- Revert learnplan-db:trigger_tasks from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop trigger _100_touch_updated_at on learnplan.tasks;
drop trigger _100_stamp_created_at on learnplan.tasks;

commit;
