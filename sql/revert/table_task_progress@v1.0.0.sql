-- Revert learnplan-db:table_task_progress from pg
--
-- Drops all progress of all users.

begin;
set local search_path = pg_catalog, pg_temp;

drop table learnplan.task_progress;

commit;
