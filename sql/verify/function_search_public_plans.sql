-- Verify learnplan-db:function_search_public_plans on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan.search_public_plans(text, integer)',
  array[
    'arguments query text, max_rows integer DEFAULT 20',
    'returns SETOF learnplan.learning_plans',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security definer',
    'set search_path=pg_catalog, pg_temp; plan_cache_mode=force_generic_plan; jit=off; enable_sort=off',
    'body 41c1d433470bbe0c72f38ff51e7b1b85',
    'owner learnplan_reader'
  ],
  array(select learnplan_private.describe_function('learnplan.search_public_plans(text, integer)'))
);

rollback;
