-- Revert learnplan-db:function_owns_module from pg

begin;

drop function learnplan_private.owns_module(uuid, uuid);

commit;
