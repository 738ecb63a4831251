-- Verify learnplan-db:policy_task_resources on pg
-- GENERATED from policies/task_resources.sql.j2 (d166d19139b2); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

create temporary table task_resources (like learnplan.task_resources);

create policy task_resources_select_authenticated on pg_temp.task_resources
  for select to authenticated
  using (exists (
    select 1 from learnplan.tasks as parent where parent.id = task_resources.task_id
  ));

create policy task_resources_insert_authenticated on pg_temp.task_resources
  for insert to authenticated
  with check (learnplan_private.owns_task(task_id, (select learnplan.current_user_id())));

create policy task_resources_update_authenticated on pg_temp.task_resources
  for update to authenticated
  using (learnplan_private.owns_task(task_id, (select learnplan.current_user_id())))
  with check (learnplan_private.owns_task(task_id, (select learnplan.current_user_id())));

create policy task_resources_delete_authenticated on pg_temp.task_resources
  for delete to authenticated
  using (learnplan_private.owns_task(task_id, (select learnplan.current_user_id())));

create policy task_resources_select_service_role on pg_temp.task_resources
  for select to service_role
  using (true);

create policy task_resources_insert_service_role on pg_temp.task_resources
  for insert to service_role
  with check (true);

create policy task_resources_update_service_role on pg_temp.task_resources
  for update to service_role
  using (true)
  with check (true);

create policy task_resources_delete_service_role on pg_temp.task_resources
  for delete to service_role
  using (true);

select learnplan_private.assert_same(
  'policies of learnplan.task_resources',
  array(select learnplan_private.describe_relation('pg_temp.task_resources', 'policy')),
  array(select learnplan_private.describe_relation('learnplan.task_resources', 'policy'))
);

select learnplan_private.assert_same(
  'row security of learnplan.task_resources',
  array['row security enabled forced'],
  array(select learnplan_private.describe_relation('learnplan.task_resources', 'row'))
);

select learnplan_private.assert_same(
  'policies without a comment of learnplan.task_resources',
  array[]::text[],
  array(
    select polname::text
    from pg_catalog.pg_policy
    where polrelid = 'learnplan.task_resources'::regclass
      and pg_catalog.obj_description(oid, 'pg_policy') is null
  )
);

select learnplan_private.assert_same(
  'grants on learnplan.task_resources',
  array[
    'grant delete to authenticated',
    'grant delete to service_role',
    'grant insert to authenticated',
    'grant insert to service_role',
    'grant select to authenticated',
    'grant select to service_role',
    'grant update ("order") to authenticated',
    'grant update (notes) to authenticated',
    'grant update to service_role'
  ],
  array(select learnplan_private.describe_relation('learnplan.task_resources', 'grant'))
);

rollback;
