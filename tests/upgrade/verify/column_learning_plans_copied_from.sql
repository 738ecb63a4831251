-- Verify learnplan-db:column_learning_plans_copied_from on pg

begin;

select copied_from from learnplan.learning_plans where false;

rollback;
