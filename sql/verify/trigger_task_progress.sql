-- Verify learnplan-db:trigger_task_progress on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'triggers of learnplan.task_progress',
  array[
    'trigger _100_stamp_created_at BEFORE INSERT ON learnplan.task_progress FOR EACH ROW EXECUTE FUNCTION learnplan_private.tg__stamp_created_at()',
    'trigger _100_touch_updated_at BEFORE INSERT OR UPDATE ON learnplan.task_progress FOR EACH ROW EXECUTE FUNCTION learnplan_private.tg__touch_updated_at()',
    'trigger _200_set_completed_at BEFORE INSERT OR UPDATE ON learnplan.task_progress FOR EACH ROW EXECUTE FUNCTION learnplan_private.tg_task_progress__set_completed_at()'
  ],
  array(select learnplan_private.describe_relation('learnplan.task_progress', 'trigger'))
);

rollback;
