-- Deploy learnplan-db:function_plan_progress_of to pg
-- requires: table_task_progress
-- requires: role_learnplan_reader
-- requires: function_current_user_id
-- requires: function_hand_over
-- requires: function_assert_same
-- requires: function_describe_function
--
-- The caller's row of plan_progress on one plan, for what the hand-written query costs. Runs as
-- learnplan_reader, to which row security shows the caller's progress alone. "offset 0" keeps
-- each level a look-up by index: the cost depends on the plan, and neither on the caller's other
-- plans nor on the statistics.
-- Source: design, policies; outline, client mapping notes.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan.plan_progress_of(plan uuid)
returns table (
  plan_id           uuid,
  user_id           uuid,
  completed_tasks   bigint,
  total_tasks       bigint,
  percentage        numeric,
  total_weeks       bigint,
  current_week      bigint,
  completed_minutes bigint,
  total_minutes     bigint,
  completed_hours   numeric,
  total_hours       numeric
)
language plpgsql
stable
parallel safe
security definer
rows 1
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_memoize = off
set enable_seqscan = off
set jit = off
as $$
declare
  v_me uuid := learnplan.current_user_id();
begin
  return query
  with weeks as (
    select
      p.id as plan_id,
      m.id as module_id,
      count(t.id) as total_tasks,
      count(t.id) filter (where own.completed) as completed_tasks,
      coalesce(sum(t.estimated_minutes), 0) as total_minutes,
      coalesce(sum(t.estimated_minutes) filter (where own.completed), 0) as completed_minutes,
      bool_and(count(t.id) > 0 and count(t.id) = count(t.id) filter (where own.completed))
        over (order by m."order") as all_completed
    from learnplan.learning_plans as p
    left join lateral (
      select c.id, c."order" from learnplan.modules as c where c.plan_id = p.id offset 0
    ) as m on true
    left join lateral (
      select c.id, c.estimated_minutes from learnplan.tasks as c where c.module_id = m.id offset 0
    ) as t on true
    left join lateral (
      select c.status = 'completed' as completed
      from learnplan.task_progress as c
      where c.task_id = t.id and c.user_id = v_me
      offset 0
    ) as own on true
    where p.id = plan_progress_of.plan
      and (p.user_id = v_me or (p.visibility = 'public' and v_me is not null))
    group by p.id, m.id, m."order"
  ),
  totals as (
    select
      w.plan_id,
      sum(w.completed_tasks)::bigint as completed_tasks,
      sum(w.total_tasks)::bigint as total_tasks,
      count(w.module_id) as total_weeks,
      count(w.module_id) filter (where w.all_completed) as weeks_before,
      sum(w.completed_minutes)::bigint as completed_minutes,
      sum(w.total_minutes)::bigint as total_minutes
    from weeks as w
    group by w.plan_id
  )
  select
    s.plan_id,
    v_me,
    s.completed_tasks,
    s.total_tasks,
    -- Cut, not rounded: 100 means all.
    coalesce(trunc(100.0 * s.completed_tasks / nullif(s.total_tasks, 0), 1), 0.0),
    s.total_weeks,
    least(s.total_weeks, s.weeks_before + 1),
    s.completed_minutes,
    s.total_minutes,
    round(s.completed_minutes / 60.0, 1),
    round(s.total_minutes / 60.0, 1)
  from totals as s;
end
$$;

comment on function learnplan.plan_progress_of(uuid) is
  'The caller''s row of plan_progress on a plan that the caller may read; else no row.';

revoke all on function learnplan.plan_progress_of(uuid) from public;

select learnplan_private.hand_over('learnplan.plan_progress_of(uuid)', 'learnplan_reader');

commit;
