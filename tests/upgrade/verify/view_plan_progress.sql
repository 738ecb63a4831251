-- Verify learnplan-db:view_plan_progress on pg

begin;

select learnplan_private.assert_same(
  'view learnplan.plan_progress',
  array[
    'option security_invoker=true',
    'view c992cfacc4e9f89adf5476ae9f9190a5',
    'column plan_id uuid',
    'column user_id uuid',
    'column completed_tasks bigint',
    'column total_tasks bigint',
    'column percentage numeric',
    'column total_weeks bigint',
    'column current_week bigint',
    'column completed_minutes bigint',
    'column total_minutes bigint',
    'column completed_hours numeric',
    'column total_hours numeric',
    'column remaining_minutes bigint'
  ],
  array(select learnplan_private.describe_relation('learnplan.plan_progress', 'column', 'option', 'view'))
);

rollback;
