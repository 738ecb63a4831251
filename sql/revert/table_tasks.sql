-- Revert learnplan-db:table_tasks from pg
--
-- Drops all tasks.

begin;
set local search_path = pg_catalog, pg_temp;

drop table learnplan.tasks;

commit;
