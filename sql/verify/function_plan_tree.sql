-- Verify learnplan-db:function_plan_tree on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan.plan_tree(uuid)',
  array[
    'arguments plan_id uuid',
    'returns TABLE(module_id uuid, module_order integer, module_title text, '
      || 'module_description text, module_minutes integer, task_id uuid, '
      || 'task_order integer, task_title text, task_description text, '
      || 'task_minutes integer, link_id uuid, link_order integer, link_notes text, '
      || 'resource_id uuid, resource_type learnplan.resource_type, resource_title text, '
      || 'resource_url text)',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security definer',
    'set search_path=pg_catalog, pg_temp; plan_cache_mode=force_generic_plan; '
      || 'join_collapse_limit=1; enable_hashjoin=off; enable_mergejoin=off; '
      || 'enable_material=off; enable_memoize=off; enable_seqscan=off; jit=off',
    'body d1bb028811d89af401a38db50ea04903',
    'owner learnplan_reader'
  ],
  array(select learnplan_private.describe_function('learnplan.plan_tree(uuid)'))
);

rollback;
