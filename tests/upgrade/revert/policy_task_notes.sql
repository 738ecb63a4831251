-- Revert learnplan-db:policy_task_notes from pg

begin;

drop policy task_notes_delete_service_role on learnplan.task_notes;
drop policy task_notes_select_service_role on learnplan.task_notes;
drop policy task_notes_delete_authenticated on learnplan.task_notes;
drop policy task_notes_insert_authenticated on learnplan.task_notes;
drop policy task_notes_select_authenticated on learnplan.task_notes;
revoke all on learnplan.task_notes from authenticated, service_role;

commit;
