-- Verify learnplan-db:function_weekly_hours on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan.weekly_hours(text)',
  array[
    'arguments hours_range text',
    'returns integer',
    'language plpgsql',
    'immutable',
    'parallel safe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'strict',
    'body f687b54321ed9529a3a594a8d09b448c'
  ],
  array(select learnplan_private.describe_function('learnplan.weekly_hours(text)'))
);

rollback;
