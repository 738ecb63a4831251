-- Verify learnplan-db:function_current_claims on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan.current_claims()',
  array[
    'arguments ',
    'returns jsonb',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body 6d348f5713a467a9219e1aca16986b75'
  ],
  array(select learnplan_private.describe_function('learnplan.current_claims()'))
);

rollback;
