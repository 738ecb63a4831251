-- Verify learnplan-db:index_tasks_difficulty on pg

begin;

select 1 / count(*)
from pg_catalog.pg_index
where indexrelid = 'learnplan.idx_tasks_difficulty'::regclass and indisvalid;

rollback;
