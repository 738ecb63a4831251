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
    'body ea704c33863598044588b027d84d3db8'
  ],
  array(select learnplan_private.describe_function('learnplan.current_claims()'))
);

rollback;
