-- Deploy learnplan-db:trigger_plan_generations to pg
-- requires: table_plan_generations
-- requires: function_tg__stamp_created_at
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- The stamps come first: triggers fire in the order of their names.
-- Source: design, tables.

begin;
set local search_path = pg_catalog, pg_temp;

create trigger _100_stamp_created_at
  before insert on learnplan.plan_generations
  for each row execute function learnplan_private.tg__stamp_created_at();

commit;
