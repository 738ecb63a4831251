-- Revert learnplan-db:view_module_progress from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop view learnplan.module_progress;

commit;
