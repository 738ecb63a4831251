-- Verify learnplan-db:policy_resources on pg
-- GENERATED from policies/resources.sql.j2 (ca4ea606059a); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

create temporary table resources (like learnplan.resources);

create policy resources_select_authenticated on pg_temp.resources
  for select to authenticated
  using ((select learnplan.current_user_id()) is not null);

create policy resources_select_reader on pg_temp.resources
  for select to learnplan_reader
  using (true);

create policy resources_select_service_role on pg_temp.resources
  for select to service_role
  using (true);

create policy resources_insert_service_role on pg_temp.resources
  for insert to service_role
  with check (true);

create policy resources_update_service_role on pg_temp.resources
  for update to service_role
  using (true)
  with check (true);

create policy resources_delete_service_role on pg_temp.resources
  for delete to service_role
  using (true);

select learnplan_private.assert_same(
  'policies of learnplan.resources',
  array(select learnplan_private.describe_relation('pg_temp.resources', 'policy')),
  array(select learnplan_private.describe_relation('learnplan.resources', 'policy'))
);

select learnplan_private.assert_same(
  'row security of learnplan.resources',
  array['row security enabled forced'],
  array(select learnplan_private.describe_relation('learnplan.resources', 'row'))
);

select learnplan_private.assert_same(
  'policies without a comment of learnplan.resources',
  array[]::text[],
  array(
    select polname::text
    from pg_catalog.pg_policy
    where polrelid = 'learnplan.resources'::regclass
      and pg_catalog.obj_description(oid, 'pg_policy') is null
  )
);

select learnplan_private.assert_same(
  'grants on learnplan.resources',
  array[
    'grant delete to service_role',
    'grant insert to service_role',
    'grant select (id) to learnplan_reader',
    'grant select (title) to learnplan_reader',
    'grant select (type) to learnplan_reader',
    'grant select (url) to learnplan_reader',
    'grant select to authenticated',
    'grant select to service_role',
    'grant update to service_role'
  ],
  array(select learnplan_private.describe_relation('learnplan.resources', 'grant'))
);

rollback;
