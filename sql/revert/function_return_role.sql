-- Revert learnplan-db:function_return_role from pg

begin;

drop function learnplan_private.return_role(name);

commit;
