-- Verify learnplan-db:function_ensure_role on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan_private.ensure_role(name)',
  array[
    'arguments role_name name',
    'returns void',
    'language plpgsql',
    'volatile',
    'parallel unsafe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body 50fab0d4993b50f40e5afbbe395a716c'
  ],
  array(select learnplan_private.describe_function('learnplan_private.ensure_role(name)'))
);

rollback;
