-- Deploy learnplan-db:function_can_read_task to pg
-- requires: table_tasks
-- requires: role_learnplan_reader
-- requires: function_hand_over
-- requires: function_assert_same
-- requires: function_describe_function
--
-- Asked when a user starts on a task: own plans and public plans may be worked on. Runs as
-- learnplan_reader; callers cannot name it, so it answers nobody's questions but a policy's.
-- Source: design, policies.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.can_read_task(task_id uuid, user_id uuid)
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
    where t.id = can_read_task.task_id
      and (p.user_id = can_read_task.user_id or p.visibility = 'public')
  );
end
$$;

comment on function learnplan_private.can_read_task(uuid, uuid) is
  'Whether the user may read the task; false, never null.';

revoke all on function learnplan_private.can_read_task(uuid, uuid) from public;

select learnplan_private.hand_over(
  'learnplan_private.can_read_task(uuid, uuid)',
  'learnplan_reader'
);

commit;
