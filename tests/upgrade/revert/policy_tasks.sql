-- Revert learnplan-db:policy_tasks from pg

begin;

revoke update (difficulty) on learnplan.tasks from authenticated;

alter policy tasks_update_authenticated on learnplan.tasks
  with check (exists (
    select from (values (true), (false), (false), (false)) as once (asked)
    inner join learnplan.modules as parent
      on parent.id = case when once.asked then tasks.module_id end
    where learnplan_private.owns_plan(parent.plan_id, (select learnplan.current_user_id()))
  ));

alter policy tasks_select_authenticated on learnplan.tasks
  using (exists (
    select from (values (true), (false), (false), (false)) as once (asked)
    inner join learnplan.modules as parent
      on parent.id = case when once.asked then tasks.module_id end
  ));

commit;
