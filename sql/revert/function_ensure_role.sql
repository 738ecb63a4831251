-- Revert learnplan-db:function_ensure_role from pg

begin;

drop function learnplan_private.ensure_role(name);

commit;
