-- Revert learnplan-db:table_learning_plans from pg
--
-- Drops all plans.

begin;

drop table learnplan.learning_plans;

commit;
