-- Deploy learnplan-db:view_module_progress to pg
-- requires: table_modules
-- requires: table_tasks
-- requires: table_task_progress
-- requires: function_current_user_id
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- What the UI shows on a module. It counts the caller's progress on every plan the caller can
-- read; for the service, which is nobody, the progress of each plan's owner. A module without
-- tasks is not completed: there was nothing to complete.
-- Source: outline, client mapping notes.

begin;
set local search_path = pg_catalog, pg_temp;

create view learnplan.module_progress
with (security_invoker = true) as
select
  m.id as module_id,
  m.plan_id,
  whose.user_id,
  m."order",
  count(t.id) filter (where tp.status = 'completed') as completed_tasks,
  count(t.id) as total_tasks,
  case
    when count(t.id) > 0 and count(t.id) = count(t.id) filter (where tp.status = 'completed')
      then 'completed'
    when count(t.id) filter (where tp.status <> 'not_started') > 0 then 'in_progress'
    else 'not_started'
  end::learnplan.progress_status as status,
  -- Cut, not rounded: 100 means all.
  coalesce(
    trunc(
      100.0 * count(t.id) filter (where tp.status = 'completed') / nullif(count(t.id), 0), 1
    ), 0.0
  ) as percentage,
  coalesce(
    sum(t.estimated_minutes) filter (where tp.status = 'completed'), 0
  ) as completed_minutes,
  coalesce(sum(t.estimated_minutes), 0) as total_minutes
from learnplan.modules as m
inner join learnplan.learning_plans as p on p.id = m.plan_id
cross join lateral (
  select coalesce((select learnplan.current_user_id()), p.user_id) as user_id
) as whose
left join learnplan.tasks as t on t.module_id = m.id
left join learnplan.task_progress as tp on tp.task_id = t.id and tp.user_id = whose.user_id
group by m.id, whose.user_id;

comment on view learnplan.module_progress is
  'Progress by module: tasks, percentage from 0 to 100, status and minutes.';

commit;
