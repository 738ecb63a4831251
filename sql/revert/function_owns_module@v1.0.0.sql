-- Revert learnplan-db:function_owns_module from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan_private.owns_module(uuid, uuid);

commit;
