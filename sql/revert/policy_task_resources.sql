-- Revert learnplan-db:policy_task_resources from pg
-- GENERATED from policies/task_resources.sql.j2 (85a6ffbbbf9c); edit, then: learnplan-db render

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
drop policy task_resources_select_reader on learnplan.task_resources;
revoke select (id, task_id, resource_id, "order", notes) on learnplan.task_resources
from learnplan_reader;
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

-- What the version before had made.
alter table learnplan.task_resources enable row level security;
alter table learnplan.task_resources force row level security;

-- Default privileges of a host must not open what no rule opens.
revoke all on learnplan.task_resources
from public, anon, authenticated, service_role;

grant select, insert, delete on learnplan.task_resources to authenticated;
grant update ("order", notes) on learnplan.task_resources
to authenticated;

-- A user may read links from tasks to resources of plans they can read.
create policy task_resources_select_authenticated on learnplan.task_resources
  for select to authenticated
  using (exists (
    select 1 from learnplan.tasks as parent where parent.id = task_resources.task_id
  ));
comment on policy task_resources_select_authenticated on learnplan.task_resources is
  'A user may read links from tasks to resources of plans they can read.';

-- Only the owner of the plan may insert links from tasks to resources.
create policy task_resources_insert_authenticated on learnplan.task_resources
  for insert to authenticated
  with check (learnplan_private.owns_task(task_id, (select learnplan.current_user_id())));
comment on policy task_resources_insert_authenticated on learnplan.task_resources is
  'Only the owner of the plan may insert links from tasks to resources.';

-- Only the owner of the plan may update links from tasks to resources.
create policy task_resources_update_authenticated on learnplan.task_resources
  for update to authenticated
  using (learnplan_private.owns_task(task_id, (select learnplan.current_user_id())))
  with check (learnplan_private.owns_task(task_id, (select learnplan.current_user_id())));
comment on policy task_resources_update_authenticated on learnplan.task_resources is
  'Only the owner of the plan may update links from tasks to resources.';

-- Only the owner of the plan may delete links from tasks to resources.
create policy task_resources_delete_authenticated on learnplan.task_resources
  for delete to authenticated
  using (learnplan_private.owns_task(task_id, (select learnplan.current_user_id())));
comment on policy task_resources_delete_authenticated on learnplan.task_resources is
  'Only the owner of the plan may delete links from tasks to resources.';

-- The system manages every row: signing up, generating plans, support.
grant select, insert, delete on learnplan.task_resources to service_role;
grant update on learnplan.task_resources
to service_role;

create policy task_resources_select_service_role on learnplan.task_resources
  for select to service_role
  using (true);
comment on policy task_resources_select_service_role on learnplan.task_resources is
  'The service may read all rows.';

create policy task_resources_insert_service_role on learnplan.task_resources
  for insert to service_role
  with check (true);
comment on policy task_resources_insert_service_role on learnplan.task_resources is
  'The service may insert any row.';

create policy task_resources_update_service_role on learnplan.task_resources
  for update to service_role
  using (true)
  with check (true);
comment on policy task_resources_update_service_role on learnplan.task_resources is
  'The service may update any row.';

create policy task_resources_delete_service_role on learnplan.task_resources
  for delete to service_role
  using (true);
comment on policy task_resources_delete_service_role on learnplan.task_resources is
  'The service may delete any row.';

commit;
