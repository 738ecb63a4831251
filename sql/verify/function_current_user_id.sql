-- Verify learnplan-db:function_current_user_id on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan.current_user_id()',
  array[
    'arguments ',
    'returns uuid',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security definer',
    'set search_path=pg_catalog, pg_temp',
    'body 2375622d2d10e53d05482c29851e45cc',
    'owner learnplan_identity'
  ],
  array(select learnplan_private.describe_function('learnplan.current_user_id()'))
);

rollback;
