-- Revert learnplan-db:data_plan_generations_prompt_length from pg
--
-- Leaves the lengths: they say what the prompts say, and go with their column.

begin;

commit;
