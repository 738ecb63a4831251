-- Revert learnplan-db:table_tasks from pg

begin;

comment on column learnplan.tasks.difficulty is null;

commit;
