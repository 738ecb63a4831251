-- Revert learnplan-db:enum_progress_status from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop type learnplan.progress_status;

commit;
