-- Revert learnplan-db:function_plan_tree from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan.plan_tree(uuid);

commit;
