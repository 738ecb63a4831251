-- Revert learnplan-db:function_plan_progress_of from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan.plan_progress_of(uuid);

commit;
