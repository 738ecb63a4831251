-- Verify learnplan-db:function_current_subject on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan.current_subject()',
  array[
    'arguments ',
    'returns text',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body 05aa57416b1c33d57e6f5eddfbcf33a2'
  ],
  array(select learnplan_private.describe_function('learnplan.current_subject()'))
);

rollback;
