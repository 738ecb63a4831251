-- Revert learnplan-db:table_learning_plans from pg
--
-- Drops all plans.

begin;
set local search_path = pg_catalog, pg_temp;

drop table learnplan.learning_plans;

commit;
