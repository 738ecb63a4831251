-- Revert learnplan-db:trigger_task_resources from pg

begin;

drop trigger _100_stamp_created_at on learnplan.task_resources;

commit;
