-- Revert learnplan-db:enum_progress_status from pg

begin;

drop type learnplan.progress_status;

commit;
