-- Revert learnplan-db:function_current_verified_email from pg

begin;

drop function learnplan.current_verified_email();

commit;
