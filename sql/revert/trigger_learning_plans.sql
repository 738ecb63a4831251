-- Revert learnplan-db:trigger_learning_plans from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop trigger _100_touch_updated_at on learnplan.learning_plans;
drop trigger _100_stamp_created_at on learnplan.learning_plans;

commit;
