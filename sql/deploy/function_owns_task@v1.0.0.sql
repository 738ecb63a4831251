-- Deploy learnplan-db:function_owns_task to pg
-- requires: table_tasks
-- requires: role_learnplan_reader
-- requires: function_hand_over
-- requires: function_assert_same
-- requires: function_describe_function
--
-- Asked by writes on the links from tasks to resources. Runs as learnplan_reader; callers
-- cannot name it, so it answers nobody's questions but a policy's.
-- Source: design, policies.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.owns_task(task_id uuid, user_id uuid)
returns boolean
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (
    select
    from learnplan.tasks as t
    inner join learnplan.modules as m on m.id = t.module_id
    inner join learnplan.learning_plans as p on p.id = m.plan_id
    where t.id = owns_task.task_id and p.user_id = owns_task.user_id
  );
end
$$;

comment on function learnplan_private.owns_task(uuid, uuid) is
  'Whether the user owns the task; false, never null.';

revoke all on function learnplan_private.owns_task(uuid, uuid) from public;

select learnplan_private.hand_over('learnplan_private.owns_task(uuid, uuid)', 'learnplan_reader');

commit;
