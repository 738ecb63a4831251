-- Verify learnplan-db:index_learning_plans_copied_from on pg

begin;

select 1 / count(*)
from pg_catalog.pg_index
where indexrelid = 'learnplan.idx_learning_plans_copied_from'::regclass and indisvalid;

rollback;
