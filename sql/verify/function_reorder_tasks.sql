-- Verify learnplan-db:function_reorder_tasks on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan.reorder_tasks(uuid, uuid[])',
  array[
    'arguments module_id uuid, task_ids uuid[]',
    'returns void',
    'language plpgsql',
    'volatile',
    'parallel unsafe',
    'security invoker',
    'set search_path=pg_catalog, pg_temp',
    'body 8fcadb0c8303b2c0be1de5c57fa5164c'
  ],
  array(select learnplan_private.describe_function('learnplan.reorder_tasks(uuid, uuid[])'))
);

rollback;
