-- Revert learnplan-db:trigger_modules from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop trigger _100_touch_updated_at on learnplan.modules;
drop trigger _100_stamp_created_at on learnplan.modules;

commit;
