-- Revert learnplan-db:column_learning_plans_copied_from from pg

begin;

alter table learnplan.learning_plans drop column copied_from;

commit;
