-- Revert learnplan-db:trigger_task_progress from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop trigger _200_set_completed_at on learnplan.task_progress;
drop trigger _100_touch_updated_at on learnplan.task_progress;
drop trigger _100_stamp_created_at on learnplan.task_progress;

commit;
