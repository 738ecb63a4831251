-- Revert learnplan-db:function_owns_task from pg

begin;

drop function learnplan_private.owns_task(uuid, uuid);

commit;
