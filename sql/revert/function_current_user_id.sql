-- Revert learnplan-db:function_current_user_id from pg

begin;

drop function learnplan.current_user_id();

commit;
