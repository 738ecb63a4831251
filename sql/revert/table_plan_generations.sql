-- Revert learnplan-db:table_plan_generations from pg
--
-- Drops the history of generations.

begin;

drop table learnplan.plan_generations;

commit;
