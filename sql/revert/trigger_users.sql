-- Revert learnplan-db:trigger_users from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop trigger _100_touch_updated_at on learnplan.users;
drop trigger _100_stamp_created_at on learnplan.users;

commit;
