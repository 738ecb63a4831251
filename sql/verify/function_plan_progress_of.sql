-- Verify learnplan-db:function_plan_progress_of on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan.plan_progress_of(uuid)',
  array[
    'arguments plan uuid',
    'returns TABLE(plan_id uuid, user_id uuid, completed_tasks bigint, '
      || 'total_tasks bigint, percentage numeric, total_weeks bigint, '
      || 'current_week bigint, completed_minutes bigint, total_minutes bigint, '
      || 'completed_hours numeric, total_hours numeric)',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security definer',
    'set search_path=pg_catalog, pg_temp; plan_cache_mode=force_generic_plan; enable_memoize=off; enable_seqscan=off; jit=off',
    'body 0439fb1af64c785788c41c4f4642e140',
    'owner learnplan_reader'
  ],
  array(select learnplan_private.describe_function('learnplan.plan_progress_of(uuid)'))
);

rollback;
