-- Revert learnplan-db:function_current_subject from pg

begin;

drop function learnplan.current_subject();

commit;
