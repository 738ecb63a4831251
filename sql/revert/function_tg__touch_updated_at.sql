-- Revert learnplan-db:function_tg__touch_updated_at from pg

begin;

drop function learnplan_private.tg__touch_updated_at();

commit;
