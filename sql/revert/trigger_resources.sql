-- Revert learnplan-db:trigger_resources from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop trigger _100_stamp_created_at on learnplan.resources;

commit;
