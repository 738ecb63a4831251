-- Deploy learnplan-db:trigger_learning_plans to pg
-- requires: table_learning_plans
-- requires: function_tg__stamp_created_at
-- requires: function_tg__touch_updated_at
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- The stamps come first: triggers fire in the order of their names.
-- Source: design, tables.

begin;
set local search_path = pg_catalog, pg_temp;

create trigger _100_stamp_created_at
  before insert on learnplan.learning_plans
  for each row execute function learnplan_private.tg__stamp_created_at();

create trigger _100_touch_updated_at
  before insert or update on learnplan.learning_plans
  for each row execute function learnplan_private.tg__touch_updated_at();

commit;
