-- Revert learnplan-db:function_owns_plan from pg

begin;

drop function learnplan_private.owns_plan(uuid, uuid);

commit;
