-- Revert learnplan-db:function_tg__stamp_created_at from pg

begin;

drop function learnplan_private.tg__stamp_created_at();

commit;
