-- Verify learnplan-db:function_tg__touch_updated_at on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan_private.tg__touch_updated_at()',
  array[
    'arguments ',
    'returns trigger',
    'language plpgsql',
    'volatile',
    'parallel unsafe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body a67b3f0885b67da5c93db90235325c92'
  ],
  array(select learnplan_private.describe_function('learnplan_private.tg__touch_updated_at()'))
);

rollback;
