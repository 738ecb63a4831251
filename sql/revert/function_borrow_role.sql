-- Revert learnplan-db:function_borrow_role from pg

begin;

drop function learnplan_private.borrow_role(name);

commit;
