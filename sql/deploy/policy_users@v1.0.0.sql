-- Deploy learnplan-db:policy_users to pg
-- requires: table_users
-- requires: policy_functions
-- requires: function_current_user_id
-- requires: function_describe_relation
-- GENERATED from policies/users.sql.j2 (179618bf209f); edit, then: learnplan-db render
--
-- Who may do what with users: your own row, your own name.
--
--              select              insert              update              delete
--   owner      own row             own row, verified   own row: name       no
--   stranger   nothing             no                  nothing             no
--   anonymous  no                  no                  no                  no
--   service    all                 all                 all                 all
-- Source: outline, table 1.
begin;
set local search_path = pg_catalog, pg_temp;

alter table learnplan.users enable row level security;
alter table learnplan.users force row level security;

-- Default privileges of a host must not open what no rule opens.
revoke all on learnplan.users
from public, anon, authenticated, service_role;

grant select on learnplan.users to authenticated;
grant insert (id, clerk_user_id, email, name) on learnplan.users to authenticated;
grant update (name) on learnplan.users to authenticated;
-- no update of email, clerk_user_id or subscription_tier: they are system-managed
-- no delete for authenticated: the system deletes users

-- A user may read only their own row.
create policy users_select_authenticated on learnplan.users
  for select to authenticated
  using (users.id = (select learnplan.current_user_id()));
comment on policy users_select_authenticated on learnplan.users is
  'A user may read only their own row.';

-- A user may sign up as themselves, with the verified subject and e-mail address of the token.
create policy users_insert_authenticated on learnplan.users
  for insert to authenticated
  with check (users.id = (select learnplan.current_user_id())
    and users.clerk_user_id = (select learnplan.current_subject())
    and users.email = (select learnplan.current_verified_email()));
comment on policy users_insert_authenticated on learnplan.users is
  'A user may sign up as themselves, with the verified subject and e-mail address of the token.';

-- A user may update only their own row.
create policy users_update_authenticated on learnplan.users
  for update to authenticated
  using (users.id = (select learnplan.current_user_id()))
  with check (users.id = (select learnplan.current_user_id()));
comment on policy users_update_authenticated on learnplan.users is
  'A user may update only their own row.';

-- learnplan_identity answers who is asking, from these columns alone.
grant select (id, clerk_user_id) on learnplan.users to learnplan_identity;

-- The identity look-up may see the row of the token's subject and no other.
create policy users_select_identity on learnplan.users
  for select to learnplan_identity
  using (users.clerk_user_id = (select learnplan.current_subject()));
comment on policy users_select_identity on learnplan.users is
  'The identity look-up may see the row of the token''s subject and no other.';

-- The system manages every row: signing up, generating plans, support.
grant select, insert, delete on learnplan.users to service_role;
grant update on learnplan.users
to service_role;

create policy users_select_service_role on learnplan.users
  for select to service_role
  using (true);
comment on policy users_select_service_role on learnplan.users is
  'The service may read all rows.';

create policy users_insert_service_role on learnplan.users
  for insert to service_role
  with check (true);
comment on policy users_insert_service_role on learnplan.users is
  'The service may insert any row.';

create policy users_update_service_role on learnplan.users
  for update to service_role
  using (true)
  with check (true);
comment on policy users_update_service_role on learnplan.users is
  'The service may update any row.';

create policy users_delete_service_role on learnplan.users
  for delete to service_role
  using (true);
comment on policy users_delete_service_role on learnplan.users is
  'The service may delete any row.';

commit;
