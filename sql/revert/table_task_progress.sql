-- Revert learnplan-db:table_task_progress from pg

begin;
set local search_path = pg_catalog, pg_temp;

alter table learnplan.task_progress alter column task_id reset (n_distinct);

analyze learnplan.task_progress (task_id);

commit;
