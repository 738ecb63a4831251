-- Revert learnplan-db:function_can_read_task from pg

begin;

drop function learnplan_private.can_read_task(uuid, uuid);

commit;
