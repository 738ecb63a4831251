-- Revert learnplan-db:function_borrow_role from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan_private.borrow_role(name);

commit;
