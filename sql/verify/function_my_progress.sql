-- Verify learnplan-db:function_my_progress on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan.my_progress()',
  array[
    'arguments ',
    'returns TABLE(plan_id uuid, user_id uuid, completed_tasks bigint, '
      || 'total_tasks bigint, percentage numeric, total_weeks bigint, '
      || 'current_week bigint, completed_minutes bigint, total_minutes bigint, '
      || 'completed_hours numeric, total_hours numeric)',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security definer',
    'set search_path=pg_catalog, pg_temp; plan_cache_mode=force_generic_plan; enable_memoize=off; enable_seqscan=off; jit=off',
    'body b064465e1c8bfdc60d79068a4df218c1',
    'owner learnplan_reader'
  ],
  array(select learnplan_private.describe_function('learnplan.my_progress()'))
);

rollback;
