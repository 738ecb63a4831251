-- Revert learnplan-db:view_plan_progress from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop view learnplan.plan_progress;

commit;
