-- Deploy learnplan-db:policy_tasks to pg
-- requires: table_tasks
-- requires: policy_functions
-- requires: policy_modules
-- requires: function_describe_relation
-- GENERATED from policies/tasks.sql.j2 (0f6a20ed9e49); edit, then: learnplan-db render
--
-- Who may do what with tasks: who reads the plan reads them, its owner writes them.
--
--              select              insert              update              delete
--   owner      own plans           own plans           own plans, columns  own plans
--   stranger   public plans        no                  nothing             nothing
--   anonymous  no                  no                  no                  no
--   service    all                 all                 all                 all
-- Source: outline, table 4.
begin;
set local search_path = pg_catalog, pg_temp;

alter table learnplan.tasks enable row level security;
alter table learnplan.tasks force row level security;

-- Default privileges of a host must not open what no rule opens.
revoke all on learnplan.tasks
from public, anon, authenticated, service_role;

grant select, insert, delete on learnplan.tasks to authenticated;
grant update (module_id, "order", title, description, estimated_minutes) on learnplan.tasks
to authenticated;

-- A user may read tasks of plans they can read.
create policy tasks_select_authenticated on learnplan.tasks
  for select to authenticated
  using (exists (
    select 1 from learnplan.modules as parent where parent.id = tasks.module_id
  ));
comment on policy tasks_select_authenticated on learnplan.tasks is
  'A user may read tasks of plans they can read.';

-- Only the owner of the plan may insert tasks.
create policy tasks_insert_authenticated on learnplan.tasks
  for insert to authenticated
  with check (learnplan_private.owns_module(module_id, (select learnplan.current_user_id())));
comment on policy tasks_insert_authenticated on learnplan.tasks is
  'Only the owner of the plan may insert tasks.';

-- Only the owner of the plan may update tasks, and move them within their own plans.
create policy tasks_update_authenticated on learnplan.tasks
  for update to authenticated
  using (learnplan_private.owns_module(module_id, (select learnplan.current_user_id())))
  with check (learnplan_private.owns_module(module_id, (select learnplan.current_user_id())));
comment on policy tasks_update_authenticated on learnplan.tasks is
  'Only the owner of the plan may update tasks, and move them within their own plans.';

-- Only the owner of the plan may delete tasks.
create policy tasks_delete_authenticated on learnplan.tasks
  for delete to authenticated
  using (learnplan_private.owns_module(module_id, (select learnplan.current_user_id())));
comment on policy tasks_delete_authenticated on learnplan.tasks is
  'Only the owner of the plan may delete tasks.';

-- learnplan_reader answers the ownership helpers, from these columns alone.
grant select (id, module_id) on learnplan.tasks to learnplan_reader;

-- The ownership helpers may look up any row, in the few columns granted.
create policy tasks_select_reader on learnplan.tasks
  for select to learnplan_reader
  using (true);
comment on policy tasks_select_reader on learnplan.tasks is
  'The ownership helpers may look up any row, in the few columns granted.';

-- The system manages every row: signing up, generating plans, support.
grant select, insert, delete on learnplan.tasks to service_role;
grant update on learnplan.tasks
to service_role;

create policy tasks_select_service_role on learnplan.tasks
  for select to service_role
  using (true);
comment on policy tasks_select_service_role on learnplan.tasks is
  'The service may read all rows.';

create policy tasks_insert_service_role on learnplan.tasks
  for insert to service_role
  with check (true);
comment on policy tasks_insert_service_role on learnplan.tasks is
  'The service may insert any row.';

create policy tasks_update_service_role on learnplan.tasks
  for update to service_role
  using (true)
  with check (true);
comment on policy tasks_update_service_role on learnplan.tasks is
  'The service may update any row.';

create policy tasks_delete_service_role on learnplan.tasks
  for delete to service_role
  using (true);
comment on policy tasks_delete_service_role on learnplan.tasks is
  'The service may delete any row.';

commit;
