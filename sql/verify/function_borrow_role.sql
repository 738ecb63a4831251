-- Verify learnplan-db:function_borrow_role on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan_private.borrow_role(name)',
  array[
    'arguments role_name name',
    'returns void',
    'language plpgsql',
    'volatile',
    'parallel unsafe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body 32530735497fd11a2a96642846464486'
  ],
  array(select learnplan_private.describe_function('learnplan_private.borrow_role(name)'))
);

rollback;
