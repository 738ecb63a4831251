-- Verify learnplan-db:function_reorder_modules on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan.reorder_modules(uuid, uuid[])',
  array[
    'arguments plan_id uuid, module_ids uuid[]',
    'returns void',
    'language plpgsql',
    'volatile',
    'parallel unsafe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body 2742014b51fa5b4447b2b58b09584958'
  ],
  array(select learnplan_private.describe_function('learnplan.reorder_modules(uuid, uuid[])'))
);

rollback;
