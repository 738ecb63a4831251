-- Deploy learnplan-db:policy_task_notes to pg
-- requires: table_task_notes

begin;

revoke all on learnplan.task_notes from public, anon, authenticated, service_role;
grant select, insert, delete on learnplan.task_notes to authenticated;
grant select, delete on learnplan.task_notes to service_role;

create policy task_notes_select_authenticated on learnplan.task_notes
  for select to authenticated
  using (learnplan_private.owns_task(task_id, (select learnplan.current_user_id())));

create policy task_notes_insert_authenticated on learnplan.task_notes
  for insert to authenticated
  with check (learnplan_private.owns_task(task_id, (select learnplan.current_user_id())));

create policy task_notes_delete_authenticated on learnplan.task_notes
  for delete to authenticated
  using (learnplan_private.owns_task(task_id, (select learnplan.current_user_id())));

create policy task_notes_select_service_role on learnplan.task_notes
  for select to service_role
  using (true);

create policy task_notes_delete_service_role on learnplan.task_notes
  for delete to service_role
  using (true);

commit;
