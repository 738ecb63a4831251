-- Revert learnplan-db:table_plan_generations from pg

begin;

alter table learnplan.plan_generations drop column prompt_length;

commit;
