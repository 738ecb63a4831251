-- Revert learnplan-db:policy_task_resources from pg
-- GENERATED from policies/task_resources.sql.j2 (d166d19139b2); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

drop policy task_resources_delete_service_role on learnplan.task_resources;
drop policy task_resources_update_service_role on learnplan.task_resources;
drop policy task_resources_insert_service_role on learnplan.task_resources;
drop policy task_resources_select_service_role on learnplan.task_resources;
revoke update on learnplan.task_resources
from service_role;
revoke select, insert, delete on learnplan.task_resources
from service_role;
drop policy task_resources_delete_authenticated on learnplan.task_resources;
drop policy task_resources_update_authenticated on learnplan.task_resources;
drop policy task_resources_insert_authenticated on learnplan.task_resources;
drop policy task_resources_select_authenticated on learnplan.task_resources;
revoke update ("order", notes) on learnplan.task_resources
from authenticated;
revoke select, insert, delete on learnplan.task_resources
from authenticated;
alter table learnplan.task_resources no force row level security;
alter table learnplan.task_resources disable row level security;

commit;
