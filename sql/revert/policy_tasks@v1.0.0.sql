-- Revert learnplan-db:policy_tasks from pg
-- GENERATED from policies/tasks.sql.j2 (0f6a20ed9e49); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

drop policy tasks_delete_service_role on learnplan.tasks;
drop policy tasks_update_service_role on learnplan.tasks;
drop policy tasks_insert_service_role on learnplan.tasks;
drop policy tasks_select_service_role on learnplan.tasks;
revoke update on learnplan.tasks
from service_role;
revoke select, insert, delete on learnplan.tasks
from service_role;
drop policy tasks_select_reader on learnplan.tasks;
revoke select (id, module_id) on learnplan.tasks
from learnplan_reader;
drop policy tasks_delete_authenticated on learnplan.tasks;
drop policy tasks_update_authenticated on learnplan.tasks;
drop policy tasks_insert_authenticated on learnplan.tasks;
drop policy tasks_select_authenticated on learnplan.tasks;
revoke update (module_id, "order", title, description, estimated_minutes) on learnplan.tasks
from authenticated;
revoke select, insert, delete on learnplan.tasks
from authenticated;
alter table learnplan.tasks no force row level security;
alter table learnplan.tasks disable row level security;

commit;
