-- Revert learnplan-db:trigger_plan_generations from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop trigger _100_stamp_created_at on learnplan.plan_generations;

commit;
