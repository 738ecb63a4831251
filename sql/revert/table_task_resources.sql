-- Revert learnplan-db:table_task_resources from pg
--
-- Drops all links between tasks and resources.

begin;

drop table learnplan.task_resources;

commit;
