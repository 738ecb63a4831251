-- Verify learnplan-db:function_tg_task_progress__set_completed_at on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan_private.tg_task_progress__set_completed_at()',
  array[
    'arguments ',
    'returns trigger',
    'language plpgsql',
    'volatile',
    'parallel unsafe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body 6e5e69f2fa45d65457258506f016d3a6'
  ],
  array(select learnplan_private.describe_function('learnplan_private.tg_task_progress__set_completed_at()'))
);

rollback;
