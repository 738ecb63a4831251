-- Verify learnplan-db:trigger_tasks on pg

begin;

select learnplan_private.assert_same(
  'triggers of learnplan.tasks',
  array[
    'trigger _100_stamp_created_at BEFORE INSERT ON learnplan.tasks FOR EACH ROW WHEN ((new.created_at IS DISTINCT FROM now())) EXECUTE FUNCTION learnplan_private.tg__stamp_created_at()',
    'trigger _100_touch_updated_at BEFORE INSERT OR UPDATE ON learnplan.tasks FOR EACH ROW EXECUTE FUNCTION learnplan_private.tg__touch_updated_at()'
  ],
  array(select learnplan_private.describe_relation('learnplan.tasks', 'trigger'))
);

rollback;
