-- Verify learnplan-db:function_current_verified_email on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan.current_verified_email()',
  array[
    'arguments ',
    'returns text',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body a152b042d7c850f52ebfc1733c5fdbad'
  ],
  array(select learnplan_private.describe_function('learnplan.current_verified_email()'))
);

rollback;
