-- Deploy learnplan-db:table_plan_generations to pg
-- requires: table_plan_generations@v1.0.0
--
-- Null for the rows that are there, and for those that the application of before still writes.

begin;

alter table learnplan.plan_generations add column prompt_length integer;

commit;
