-- Revert learnplan-db:table_plan_generations from pg
--
-- Drops the history of generations.

begin;
set local search_path = pg_catalog, pg_temp;

drop table learnplan.plan_generations;

commit;
