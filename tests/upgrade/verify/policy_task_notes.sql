-- Verify learnplan-db:policy_task_notes on pg

begin;

select 1 / (count(*) = 5)::integer
from pg_catalog.pg_policy
where polrelid = 'learnplan.task_notes'::regclass;

rollback;
