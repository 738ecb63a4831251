-- Revert learnplan-db:policy_task_progress from pg
-- GENERATED from policies/task_progress.sql.j2 (3cb698721e27); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

drop policy task_progress_delete_service_role on learnplan.task_progress;
drop policy task_progress_update_service_role on learnplan.task_progress;
drop policy task_progress_insert_service_role on learnplan.task_progress;
drop policy task_progress_select_service_role on learnplan.task_progress;
revoke update (id, status, completed_at, updated_at, created_at) on learnplan.task_progress
from service_role;
revoke select, insert, delete on learnplan.task_progress
from service_role;
drop policy task_progress_delete_authenticated on learnplan.task_progress;
drop policy task_progress_update_authenticated on learnplan.task_progress;
drop policy task_progress_insert_authenticated on learnplan.task_progress;
drop policy task_progress_select_authenticated on learnplan.task_progress;
revoke update (status) on learnplan.task_progress
from authenticated;
revoke select, insert, delete on learnplan.task_progress
from authenticated;
alter table learnplan.task_progress no force row level security;
alter table learnplan.task_progress disable row level security;

commit;
