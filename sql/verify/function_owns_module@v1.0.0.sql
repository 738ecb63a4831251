-- Verify learnplan-db:function_owns_module on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan_private.owns_module(uuid, uuid)',
  array[
    'arguments module_id uuid, user_id uuid',
    'returns boolean',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security definer',
    'set search_path=pg_catalog, pg_temp',
    'body f3cc4532be423729ecf85f77b9d0eafe',
    'owner learnplan_reader'
  ],
  array(select learnplan_private.describe_function('learnplan_private.owns_module(uuid, uuid)'))
);

rollback;
