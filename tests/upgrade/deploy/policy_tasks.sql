-- Deploy learnplan-db:policy_tasks to pg
-- requires: policy_tasks@v1.0.0
-- requires: table_tasks
--
-- What is dropped and created shares one transaction, else a table would have no policy for a
-- moment, and its owner would see nothing.

begin;

drop policy tasks_select_authenticated on learnplan.tasks;
create policy tasks_select_authenticated on learnplan.tasks
  for select to authenticated
  using (module_id in (select parent.id from learnplan.modules as parent));
comment on policy tasks_select_authenticated on learnplan.tasks is
  'A user may read tasks of plans they can read.';

alter policy tasks_update_authenticated on learnplan.tasks
  with check (
    difficulty is not null
    and learnplan_private.owns_module(module_id, (select learnplan.current_user_id()))
  );

grant update (difficulty) on learnplan.tasks to authenticated;

commit;
