-- Revert learnplan-db:trigger_resources from pg

begin;

drop trigger _100_stamp_created_at on learnplan.resources;

commit;
