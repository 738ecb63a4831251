-- Verify learnplan-db:policy_users on pg
-- GENERATED from policies/users.sql.j2 (179618bf209f); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

create temporary table users (like learnplan.users);

create policy users_select_authenticated on pg_temp.users
  for select to authenticated
  using (users.id = (select learnplan.current_user_id()));

create policy users_insert_authenticated on pg_temp.users
  for insert to authenticated
  with check (users.id = (select learnplan.current_user_id())
    and users.clerk_user_id = (select learnplan.current_subject())
    and users.email = (select learnplan.current_verified_email()));

create policy users_update_authenticated on pg_temp.users
  for update to authenticated
  using (users.id = (select learnplan.current_user_id()))
  with check (users.id = (select learnplan.current_user_id()));

create policy users_select_identity on pg_temp.users
  for select to learnplan_identity
  using (users.clerk_user_id = (select learnplan.current_subject()));

create policy users_select_service_role on pg_temp.users
  for select to service_role
  using (true);

create policy users_insert_service_role on pg_temp.users
  for insert to service_role
  with check (true);

create policy users_update_service_role on pg_temp.users
  for update to service_role
  using (true)
  with check (true);

create policy users_delete_service_role on pg_temp.users
  for delete to service_role
  using (true);

select learnplan_private.assert_same(
  'policies of learnplan.users',
  array(select learnplan_private.describe_relation('pg_temp.users', 'policy')),
  array(select learnplan_private.describe_relation('learnplan.users', 'policy'))
);

select learnplan_private.assert_same(
  'row security of learnplan.users',
  array['row security enabled forced'],
  array(select learnplan_private.describe_relation('learnplan.users', 'row'))
);

select learnplan_private.assert_same(
  'policies without a comment of learnplan.users',
  array[]::text[],
  array(
    select polname::text
    from pg_catalog.pg_policy
    where polrelid = 'learnplan.users'::regclass
      and pg_catalog.obj_description(oid, 'pg_policy') is null
  )
);

select learnplan_private.assert_same(
  'grants on learnplan.users',
  array[
    'grant delete to service_role',
    'grant insert (clerk_user_id) to authenticated',
    'grant insert (email) to authenticated',
    'grant insert (id) to authenticated',
    'grant insert (name) to authenticated',
    'grant insert to service_role',
    'grant select (clerk_user_id) to learnplan_identity',
    'grant select (id) to learnplan_identity',
    'grant select to authenticated',
    'grant select to service_role',
    'grant update (name) to authenticated',
    'grant update to service_role'
  ],
  array(select learnplan_private.describe_relation('learnplan.users', 'grant'))
);

rollback;
