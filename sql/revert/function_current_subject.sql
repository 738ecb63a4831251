-- Revert learnplan-db:function_current_subject from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan.current_subject();

commit;
