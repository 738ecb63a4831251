-- Revert learnplan-db:function_tg_task_progress__set_completed_at from pg

begin;

drop function learnplan_private.tg_task_progress__set_completed_at();

commit;
