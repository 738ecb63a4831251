-- Verify learnplan-db:trigger_plan_generations on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'triggers of learnplan.plan_generations',
  array[
    'trigger _100_stamp_created_at BEFORE INSERT ON learnplan.plan_generations FOR EACH ROW EXECUTE FUNCTION learnplan_private.tg__stamp_created_at()'
  ],
  array(select learnplan_private.describe_relation('learnplan.plan_generations', 'trigger'))
);

rollback;
