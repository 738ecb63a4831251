-- Deploy learnplan-db:function_my_progress to pg
-- requires: table_task_progress
-- requires: role_learnplan_reader
-- requires: function_current_user_id
-- requires: function_hand_over
-- requires: function_assert_same
-- requires: function_describe_function
--
-- The caller's rows of plan_progress on the caller's own plans, in one pass over what is theirs
-- and nothing else: the dashboard. Runs as learnplan_reader, to which row security shows the
-- caller's progress alone. "offset 0" keeps each level a look-up by index, whatever the
-- statistics say of other people's plans; all progress of the caller is read once and hashed, so
-- that hundreds of plans cost no look-up a task.
-- Source: design, policies; outline, client mapping notes.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan.my_progress()
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
rows 10
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
      own.plan_id,
      own.module_id,
      count(own.task_id) as total_tasks,
      count(own.task_id) filter (where own.completed) as completed_tasks,
      coalesce(sum(own.minutes), 0) as total_minutes,
      coalesce(sum(own.minutes) filter (where own.completed), 0) as completed_minutes,
      bool_and(bool_and(own.task_id is not null and own.completed))
        over (partition by own.plan_id order by own."order") as all_completed
    from (
      select
        p.id as plan_id,
        m.id as module_id,
        m."order",
        t.id as task_id,
        t.estimated_minutes as minutes,
        t.id in (
          select tp.task_id
          from learnplan.task_progress as tp
          where tp.user_id = v_me and tp.status = 'completed'
        ) as completed
      from learnplan.learning_plans as p
      left join lateral (
        select c.id, c."order" from learnplan.modules as c where c.plan_id = p.id offset 0
      ) as m on true
      left join lateral (
        select c.id, c.estimated_minutes
        from learnplan.tasks as c
        where c.module_id = m.id
        offset 0
      ) as t on true
      where p.user_id = v_me
      offset 0
    ) as own
    group by own.plan_id, own.module_id, own."order"
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

comment on function learnplan.my_progress() is
  'The caller''s rows of plan_progress on all plans that the caller owns.';

revoke all on function learnplan.my_progress() from public;

select learnplan_private.hand_over('learnplan.my_progress()', 'learnplan_reader');

commit;
