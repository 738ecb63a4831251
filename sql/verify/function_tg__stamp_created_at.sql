-- Verify learnplan-db:function_tg__stamp_created_at on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan_private.tg__stamp_created_at()',
  array[
    'arguments ',
    'returns trigger',
    'language plpgsql',
    'volatile',
    'parallel unsafe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body 1b8c0edfba9147f5b3d1440e97a8c329'
  ],
  array(select learnplan_private.describe_function('learnplan_private.tg__stamp_created_at()'))
);

rollback;
