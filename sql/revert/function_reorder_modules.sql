-- Revert learnplan-db:function_reorder_modules from pg

begin;

drop function learnplan.reorder_modules(uuid, uuid[]);

commit;
