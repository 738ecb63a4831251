-- Revert learnplan-db:policy_resources from pg
-- GENERATED from policies/resources.sql.j2 (ca4ea606059a); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

drop policy resources_delete_service_role on learnplan.resources;
drop policy resources_update_service_role on learnplan.resources;
drop policy resources_insert_service_role on learnplan.resources;
drop policy resources_select_service_role on learnplan.resources;
revoke update on learnplan.resources
from service_role;
revoke select, insert, delete on learnplan.resources
from service_role;
drop policy resources_select_reader on learnplan.resources;
revoke select (id, type, title, url) on learnplan.resources
from learnplan_reader;
drop policy resources_select_authenticated on learnplan.resources;
revoke select on learnplan.resources
from authenticated;
alter table learnplan.resources no force row level security;
alter table learnplan.resources disable row level security;

-- What the version before had made.
alter table learnplan.resources enable row level security;
alter table learnplan.resources force row level security;

-- Default privileges of a host must not open what no rule opens.
revoke all on learnplan.resources
from public, anon, authenticated, service_role;

grant select on learnplan.resources to authenticated;
-- no insert, update or delete for authenticated: the catalog is system-managed

-- Anyone signed in may read the catalog.
create policy resources_select_authenticated on learnplan.resources
  for select to authenticated
  using ((select learnplan.current_user_id()) is not null);
comment on policy resources_select_authenticated on learnplan.resources is
  'Anyone signed in may read the catalog.';

-- The system manages every row: signing up, generating plans, support.
grant select, insert, delete on learnplan.resources to service_role;
grant update on learnplan.resources
to service_role;

create policy resources_select_service_role on learnplan.resources
  for select to service_role
  using (true);
comment on policy resources_select_service_role on learnplan.resources is
  'The service may read all rows.';

create policy resources_insert_service_role on learnplan.resources
  for insert to service_role
  with check (true);
comment on policy resources_insert_service_role on learnplan.resources is
  'The service may insert any row.';

create policy resources_update_service_role on learnplan.resources
  for update to service_role
  using (true)
  with check (true);
comment on policy resources_update_service_role on learnplan.resources is
  'The service may update any row.';

create policy resources_delete_service_role on learnplan.resources
  for delete to service_role
  using (true);
comment on policy resources_delete_service_role on learnplan.resources is
  'The service may delete any row.';

commit;
