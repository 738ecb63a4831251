-- Revert learnplan-db:table_tasks from pg
--
-- Drops all tasks.

begin;

drop table learnplan.tasks;

commit;
