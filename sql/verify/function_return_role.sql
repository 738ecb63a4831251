-- Verify learnplan-db:function_return_role on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan_private.return_role(name)',
  array[
    'arguments role_name name',
    'returns void',
    'language plpgsql',
    'volatile',
    'parallel unsafe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body 46d78098fd75ed411dbf81802909513e'
  ],
  array(select learnplan_private.describe_function('learnplan_private.return_role(name)'))
);

rollback;
