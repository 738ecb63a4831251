-- Revert learnplan-db:function_weekly_hours from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan.weekly_hours(text);

commit;
