-- Revert learnplan-db:function_hand_over from pg

begin;

drop function learnplan_private.hand_over(regprocedure, name);

commit;
