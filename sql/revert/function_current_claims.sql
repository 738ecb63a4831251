-- Revert learnplan-db:function_current_claims from pg

begin;

drop function learnplan.current_claims();

commit;
