-- Revert learnplan-db:policy_tasks from pg

begin;

revoke update (difficulty) on learnplan.tasks from authenticated;

alter policy tasks_update_authenticated on learnplan.tasks
  with check (learnplan_private.owns_module(module_id, (select learnplan.current_user_id())));

alter policy tasks_select_authenticated on learnplan.tasks
  using (exists (
    select 1 from learnplan.modules as parent where parent.id = tasks.module_id
  ));

commit;
