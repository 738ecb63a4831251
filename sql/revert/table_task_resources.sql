-- Revert learnplan-db:table_task_resources from pg
--
-- Drops all links between tasks and resources.

begin;
set local search_path = pg_catalog, pg_temp;

drop table learnplan.task_resources;

commit;
