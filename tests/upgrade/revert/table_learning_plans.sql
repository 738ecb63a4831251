-- Revert learnplan-db:table_learning_plans from pg

begin;

comment on column learnplan.learning_plans.copied_from is null;

commit;
