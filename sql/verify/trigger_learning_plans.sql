-- Verify learnplan-db:trigger_learning_plans on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'triggers of learnplan.learning_plans',
  array[
    'trigger _100_stamp_created_at BEFORE INSERT ON learnplan.learning_plans FOR EACH ROW EXECUTE FUNCTION learnplan_private.tg__stamp_created_at()',
    'trigger _100_touch_updated_at BEFORE INSERT OR UPDATE ON learnplan.learning_plans FOR EACH ROW EXECUTE FUNCTION learnplan_private.tg__touch_updated_at()'
  ],
  array(select learnplan_private.describe_relation('learnplan.learning_plans', 'trigger'))
);

rollback;
