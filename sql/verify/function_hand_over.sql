-- Verify learnplan-db:function_hand_over on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan_private.hand_over(regprocedure, name)',
  array[
    'arguments procedure regprocedure, new_owner name',
    'returns void',
    'language plpgsql',
    'volatile',
    'parallel unsafe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body cd5e117367bd095b3220d5174a2badd7'
  ],
  array(select learnplan_private.describe_function('learnplan_private.hand_over(regprocedure, name)'))
);

rollback;
