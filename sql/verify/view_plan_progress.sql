-- Verify learnplan-db:view_plan_progress on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'view learnplan.plan_progress',
  array[
    'option security_invoker=true',
    'view fac493ebdeb22c718981d55cc9e93dd3',
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
    'column total_hours numeric'
  ],
  array(select learnplan_private.describe_relation('learnplan.plan_progress', 'column', 'option', 'view'))
);

rollback;
