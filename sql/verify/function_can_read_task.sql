-- Verify learnplan-db:function_can_read_task on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan_private.can_read_task(uuid, uuid)',
  array[
    'arguments task_id uuid, user_id uuid',
    'returns boolean',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security definer',
    'set search_path=pg_catalog, pg_temp',
    'body b07524dbebd1e2db3d495bd36ffbcf9d',
    'owner learnplan_reader'
  ],
  array(select learnplan_private.describe_function('learnplan_private.can_read_task(uuid, uuid)'))
);

rollback;
