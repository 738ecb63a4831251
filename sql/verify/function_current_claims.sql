-- Verify learnplan-db:function_current_claims on pg

begin;

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
    'body 9534196c1e7d0fdd9ee266614fabb08c'
  ],
  array(select learnplan_private.describe_function('learnplan.current_claims()'))
);

rollback;
