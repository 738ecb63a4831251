-- Revert learnplan-db:function_my_progress from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan.my_progress();

commit;
