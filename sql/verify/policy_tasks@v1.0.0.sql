-- Verify learnplan-db:policy_tasks on pg
-- GENERATED from policies/tasks.sql.j2 (0f6a20ed9e49); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

create temporary table tasks (like learnplan.tasks);

create policy tasks_select_authenticated on pg_temp.tasks
  for select to authenticated
  using (exists (
    select 1 from learnplan.modules as parent where parent.id = tasks.module_id
  ));

create policy tasks_insert_authenticated on pg_temp.tasks
  for insert to authenticated
  with check (learnplan_private.owns_module(module_id, (select learnplan.current_user_id())));

create policy tasks_update_authenticated on pg_temp.tasks
  for update to authenticated
  using (learnplan_private.owns_module(module_id, (select learnplan.current_user_id())))
  with check (learnplan_private.owns_module(module_id, (select learnplan.current_user_id())));

create policy tasks_delete_authenticated on pg_temp.tasks
  for delete to authenticated
  using (learnplan_private.owns_module(module_id, (select learnplan.current_user_id())));

create policy tasks_select_reader on pg_temp.tasks
  for select to learnplan_reader
  using (true);

create policy tasks_select_service_role on pg_temp.tasks
  for select to service_role
  using (true);

create policy tasks_insert_service_role on pg_temp.tasks
  for insert to service_role
  with check (true);

create policy tasks_update_service_role on pg_temp.tasks
  for update to service_role
  using (true)
  with check (true);

create policy tasks_delete_service_role on pg_temp.tasks
  for delete to service_role
  using (true);

select learnplan_private.assert_same(
  'policies of learnplan.tasks',
  array(select learnplan_private.describe_relation('pg_temp.tasks', 'policy')),
  array(select learnplan_private.describe_relation('learnplan.tasks', 'policy'))
);

select learnplan_private.assert_same(
  'row security of learnplan.tasks',
  array['row security enabled forced'],
  array(select learnplan_private.describe_relation('learnplan.tasks', 'row'))
);

select learnplan_private.assert_same(
  'policies without a comment of learnplan.tasks',
  array[]::text[],
  array(
    select polname::text
    from pg_catalog.pg_policy
    where polrelid = 'learnplan.tasks'::regclass
      and pg_catalog.obj_description(oid, 'pg_policy') is null
  )
);

select learnplan_private.assert_same(
  'grants on learnplan.tasks',
  array[
    'grant delete to authenticated',
    'grant delete to service_role',
    'grant insert to authenticated',
    'grant insert to service_role',
    'grant select (id) to learnplan_reader',
    'grant select (module_id) to learnplan_reader',
    'grant select to authenticated',
    'grant select to service_role',
    'grant update ("order") to authenticated',
    'grant update (description) to authenticated',
    'grant update (estimated_minutes) to authenticated',
    'grant update (module_id) to authenticated',
    'grant update (title) to authenticated',
    'grant update to service_role'
  ],
  array(select learnplan_private.describe_relation('learnplan.tasks', 'grant'))
);

rollback;
