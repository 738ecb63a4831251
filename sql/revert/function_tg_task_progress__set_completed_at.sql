-- Revert learnplan-db:function_tg_task_progress__set_completed_at from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan_private.tg_task_progress__set_completed_at();

commit;
