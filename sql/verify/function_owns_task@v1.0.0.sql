-- Verify learnplan-db:function_owns_task on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'function learnplan_private.owns_task(uuid, uuid)',
  array[
    'arguments task_id uuid, user_id uuid',
    'returns boolean',
    'language plpgsql',
    'stable',
    'parallel safe',
    'security definer',
    'set search_path=pg_catalog, pg_temp',
    'body be621f7d83576e281f454cfe31fbc381',
    'owner learnplan_reader'
  ],
  array(select learnplan_private.describe_function('learnplan_private.owns_task(uuid, uuid)'))
);

rollback;
