-- Revert learnplan-db:table_task_progress from pg
--
-- Drops all progress of all users.

begin;

drop table learnplan.task_progress;

commit;
