-- Verify learnplan-db:policy_task_progress on pg
-- GENERATED from policies/task_progress.sql.j2 (3cb698721e27); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

create temporary table task_progress (like learnplan.task_progress);

create policy task_progress_select_authenticated on pg_temp.task_progress
  for select to authenticated
  using (task_progress.user_id = (select learnplan.current_user_id()));

create policy task_progress_insert_authenticated on pg_temp.task_progress
  for insert to authenticated
  with check (task_progress.user_id = (select learnplan.current_user_id())
    and learnplan_private.can_read_task(task_id, (select learnplan.current_user_id())));

create policy task_progress_update_authenticated on pg_temp.task_progress
  for update to authenticated
  using (task_progress.user_id = (select learnplan.current_user_id()))
  with check (task_progress.user_id = (select learnplan.current_user_id()));

create policy task_progress_delete_authenticated on pg_temp.task_progress
  for delete to authenticated
  using (task_progress.user_id = (select learnplan.current_user_id()));

create policy task_progress_select_service_role on pg_temp.task_progress
  for select to service_role
  using (true);

create policy task_progress_insert_service_role on pg_temp.task_progress
  for insert to service_role
  with check (true);

create policy task_progress_update_service_role on pg_temp.task_progress
  for update to service_role
  using (true)
  with check (true);

create policy task_progress_delete_service_role on pg_temp.task_progress
  for delete to service_role
  using (true);

select learnplan_private.assert_same(
  'policies of learnplan.task_progress',
  array(select learnplan_private.describe_relation('pg_temp.task_progress', 'policy')),
  array(select learnplan_private.describe_relation('learnplan.task_progress', 'policy'))
);

select learnplan_private.assert_same(
  'row security of learnplan.task_progress',
  array['row security enabled forced'],
  array(select learnplan_private.describe_relation('learnplan.task_progress', 'row'))
);

select learnplan_private.assert_same(
  'policies without a comment of learnplan.task_progress',
  array[]::text[],
  array(
    select polname::text
    from pg_catalog.pg_policy
    where polrelid = 'learnplan.task_progress'::regclass
      and pg_catalog.obj_description(oid, 'pg_policy') is null
  )
);

select learnplan_private.assert_same(
  'grants on learnplan.task_progress',
  array[
    'grant delete to authenticated',
    'grant delete to service_role',
    'grant insert to authenticated',
    'grant insert to service_role',
    'grant select to authenticated',
    'grant select to service_role',
    'grant update (completed_at) to service_role',
    'grant update (created_at) to service_role',
    'grant update (id) to service_role',
    'grant update (status) to authenticated',
    'grant update (status) to service_role',
    'grant update (updated_at) to service_role'
  ],
  array(select learnplan_private.describe_relation('learnplan.task_progress', 'grant'))
);

rollback;
