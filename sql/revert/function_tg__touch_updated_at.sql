-- Revert learnplan-db:function_tg__touch_updated_at from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan_private.tg__touch_updated_at();

commit;
