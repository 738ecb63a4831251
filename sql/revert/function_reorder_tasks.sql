-- Revert learnplan-db:function_reorder_tasks from pg

begin;

drop function learnplan.reorder_tasks(uuid, uuid[]);

commit;
