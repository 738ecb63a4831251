-- Deploy learnplan-db:trigger_task_progress to pg
-- requires: table_task_progress
-- requires: function_tg__stamp_created_at
-- requires: function_tg__touch_updated_at
-- requires: function_tg_task_progress__set_completed_at
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- completed_at is set after the stamps: triggers fire in the order of their names.
-- Source: design, tables.

begin;
set local search_path = pg_catalog, pg_temp;

create trigger _100_stamp_created_at
  before insert on learnplan.task_progress
  for each row execute function learnplan_private.tg__stamp_created_at();

create trigger _100_touch_updated_at
  before insert or update on learnplan.task_progress
  for each row execute function learnplan_private.tg__touch_updated_at();

create trigger _200_set_completed_at
  before insert or update on learnplan.task_progress
  for each row execute function learnplan_private.tg_task_progress__set_completed_at();

commit;
