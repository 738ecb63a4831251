-- Verify learnplan-db:data_plan_generations_prompt_length on pg

begin;

select prompt_length from learnplan.plan_generations where false;

rollback;
