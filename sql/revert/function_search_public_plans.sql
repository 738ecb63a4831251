-- Revert learnplan-db:function_search_public_plans from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan.search_public_plans(text, integer);

commit;
