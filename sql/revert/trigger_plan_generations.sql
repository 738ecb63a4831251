-- Revert learnplan-db:trigger_plan_generations from pg

begin;

drop trigger _100_stamp_created_at on learnplan.plan_generations;

commit;
