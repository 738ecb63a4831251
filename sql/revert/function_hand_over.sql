-- Revert learnplan-db:function_hand_over from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan_private.hand_over(regprocedure, name);

commit;
