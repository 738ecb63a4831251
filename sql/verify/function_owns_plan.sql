-- Verify learnplan-db:function_owns_plan on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan_private.owns_plan(uuid, uuid)',
  array[
    'arguments plan_id uuid, user_id uuid',
    'returns boolean',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security definer',
    'set search_path=pg_catalog, pg_temp',
    'body d7e29943a5227175e07a755e2ff84b98',
    'owner learnplan_reader'
  ],
  array(select learnplan_private.describe_function('learnplan_private.owns_plan(uuid, uuid)'))
);

rollback;
