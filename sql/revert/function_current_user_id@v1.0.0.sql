-- Revert learnplan-db:function_current_user_id from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan.current_user_id();

commit;
