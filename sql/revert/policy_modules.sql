-- Revert learnplan-db:policy_modules from pg
-- GENERATED from policies/modules.sql.j2 (d2127500173a); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

drop policy modules_delete_service_role on learnplan.modules;
drop policy modules_update_service_role on learnplan.modules;
drop policy modules_insert_service_role on learnplan.modules;
drop policy modules_select_service_role on learnplan.modules;
revoke update on learnplan.modules
from service_role;
revoke select, insert, delete on learnplan.modules
from service_role;
drop policy modules_select_reader on learnplan.modules;
revoke select (id, plan_id, "order", title, description, estimated_minutes) on learnplan.modules
from learnplan_reader;
drop policy modules_delete_authenticated on learnplan.modules;
drop policy modules_update_authenticated on learnplan.modules;
drop policy modules_insert_authenticated on learnplan.modules;
drop policy modules_select_authenticated on learnplan.modules;
revoke update (plan_id, "order", title, description, estimated_minutes) on learnplan.modules
from authenticated;
revoke select, insert, delete on learnplan.modules
from authenticated;
alter table learnplan.modules no force row level security;
alter table learnplan.modules disable row level security;

-- What the version before had made.
alter table learnplan.modules enable row level security;
alter table learnplan.modules force row level security;

-- Default privileges of a host must not open what no rule opens.
revoke all on learnplan.modules
from public, anon, authenticated, service_role;

grant select, insert, delete on learnplan.modules to authenticated;
grant update (plan_id, "order", title, description, estimated_minutes) on learnplan.modules
to authenticated;

-- A user may read modules of plans they can read.
create policy modules_select_authenticated on learnplan.modules
  for select to authenticated
  using (exists (
    select 1 from learnplan.learning_plans as parent where parent.id = modules.plan_id
  ));
comment on policy modules_select_authenticated on learnplan.modules is
  'A user may read modules of plans they can read.';

-- Only the owner of the plan may insert modules.
create policy modules_insert_authenticated on learnplan.modules
  for insert to authenticated
  with check (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())));
comment on policy modules_insert_authenticated on learnplan.modules is
  'Only the owner of the plan may insert modules.';

-- Only the owner of the plan may update modules, and move them within their own plans.
create policy modules_update_authenticated on learnplan.modules
  for update to authenticated
  using (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())))
  with check (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())));
comment on policy modules_update_authenticated on learnplan.modules is
  'Only the owner of the plan may update modules, and move them within their own plans.';

-- Only the owner of the plan may delete modules.
create policy modules_delete_authenticated on learnplan.modules
  for delete to authenticated
  using (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())));
comment on policy modules_delete_authenticated on learnplan.modules is
  'Only the owner of the plan may delete modules.';

-- learnplan_reader answers the ownership helpers, from these columns alone.
grant select (id, plan_id) on learnplan.modules to learnplan_reader;

-- The ownership helpers may look up any row, in the few columns granted.
create policy modules_select_reader on learnplan.modules
  for select to learnplan_reader
  using (true);
comment on policy modules_select_reader on learnplan.modules is
  'The ownership helpers may look up any row, in the few columns granted.';

-- The system manages every row: signing up, generating plans, support.
grant select, insert, delete on learnplan.modules to service_role;
grant update on learnplan.modules
to service_role;

create policy modules_select_service_role on learnplan.modules
  for select to service_role
  using (true);
comment on policy modules_select_service_role on learnplan.modules is
  'The service may read all rows.';

create policy modules_insert_service_role on learnplan.modules
  for insert to service_role
  with check (true);
comment on policy modules_insert_service_role on learnplan.modules is
  'The service may insert any row.';

create policy modules_update_service_role on learnplan.modules
  for update to service_role
  using (true)
  with check (true);
comment on policy modules_update_service_role on learnplan.modules is
  'The service may update any row.';

create policy modules_delete_service_role on learnplan.modules
  for delete to service_role
  using (true);
comment on policy modules_delete_service_role on learnplan.modules is
  'The service may delete any row.';

commit;
