-- Verify learnplan-db:validate_tasks_difficulty on pg

begin;

select 1 / count(*)
from pg_catalog.pg_constraint
where conrelid = 'learnplan.tasks'::regclass and conname = 'tasks_difficulty_known'
  and convalidated;

rollback;
