-- Deploy learnplan-db:view_plan_progress to pg
-- requires: view_plan_progress@v1.0.0
--
-- A column more at the end is all that "or replace" permits; who reads the view waits a moment,
-- who reads the tables does not.

begin;

create or replace view learnplan.plan_progress
with (security_invoker = true) as
select
  p.id as plan_id,
  whose.user_id,
  totals.completed_tasks,
  totals.total_tasks,
  -- Cut, not rounded: 100 means all.
  coalesce(
    trunc(100.0 * totals.completed_tasks / nullif(totals.total_tasks, 0), 1), 0.0
  ) as percentage,
  totals.total_weeks,
  least(totals.total_weeks, totals.weeks_before + 1) as current_week,
  totals.completed_minutes,
  totals.total_minutes,
  round(totals.completed_minutes / 60.0, 1) as completed_hours,
  round(totals.total_minutes / 60.0, 1) as total_hours,
  totals.total_minutes - totals.completed_minutes as remaining_minutes
from learnplan.learning_plans as p
cross join lateral (
  select coalesce((select learnplan.current_user_id()), p.user_id) as user_id
) as whose
cross join lateral (
  select
    coalesce(sum(week.completed_tasks), 0)::bigint as completed_tasks,
    coalesce(sum(week.total_tasks), 0)::bigint as total_tasks,
    count(week.module_id) as total_weeks,
    count(week.module_id) filter (where week.all_completed) as weeks_before,
    coalesce(sum(week.completed_minutes), 0)::bigint as completed_minutes,
    coalesce(sum(week.total_minutes), 0)::bigint as total_minutes
  from (
    select
      mp.module_id,
      mp.completed_tasks,
      mp.total_tasks,
      mp.completed_minutes,
      mp.total_minutes,
      bool_and(mp.status = 'completed') over (order by mp."order") as all_completed
    from learnplan.module_progress as mp
    where mp.plan_id = p.id
  ) as week
) as totals;

commit;
