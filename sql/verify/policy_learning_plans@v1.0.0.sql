-- Verify learnplan-db:policy_learning_plans on pg
-- GENERATED from policies/learning_plans.sql.j2 (0dba6c29de97); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

create temporary table learning_plans (like learnplan.learning_plans);

create policy learning_plans_select_authenticated on pg_temp.learning_plans
  for select to authenticated
  using (learning_plans.user_id = (select learnplan.current_user_id())
    or (learning_plans.visibility = 'public' and (select learnplan.current_user_id()) is not null));

create policy learning_plans_insert_authenticated on pg_temp.learning_plans
  for insert to authenticated
  with check (learning_plans.user_id = (select learnplan.current_user_id()));

create policy learning_plans_update_authenticated on pg_temp.learning_plans
  for update to authenticated
  using (learning_plans.user_id = (select learnplan.current_user_id()))
  with check (learning_plans.user_id = (select learnplan.current_user_id()));

create policy learning_plans_delete_authenticated on pg_temp.learning_plans
  for delete to authenticated
  using (learning_plans.user_id = (select learnplan.current_user_id()));

create policy learning_plans_select_reader on pg_temp.learning_plans
  for select to learnplan_reader
  using (true);

create policy learning_plans_select_service_role on pg_temp.learning_plans
  for select to service_role
  using (true);

create policy learning_plans_insert_service_role on pg_temp.learning_plans
  for insert to service_role
  with check (true);

create policy learning_plans_update_service_role on pg_temp.learning_plans
  for update to service_role
  using (true)
  with check (true);

create policy learning_plans_delete_service_role on pg_temp.learning_plans
  for delete to service_role
  using (true);

select learnplan_private.assert_same(
  'policies of learnplan.learning_plans',
  array(select learnplan_private.describe_relation('pg_temp.learning_plans', 'policy')),
  array(select learnplan_private.describe_relation('learnplan.learning_plans', 'policy'))
);

select learnplan_private.assert_same(
  'row security of learnplan.learning_plans',
  array['row security enabled forced'],
  array(select learnplan_private.describe_relation('learnplan.learning_plans', 'row'))
);

select learnplan_private.assert_same(
  'policies without a comment of learnplan.learning_plans',
  array[]::text[],
  array(
    select polname::text
    from pg_catalog.pg_policy
    where polrelid = 'learnplan.learning_plans'::regclass
      and pg_catalog.obj_description(oid, 'pg_policy') is null
  )
);

select learnplan_private.assert_same(
  'grants on learnplan.learning_plans',
  array[
    'grant delete to authenticated',
    'grant delete to service_role',
    'grant insert to authenticated',
    'grant insert to service_role',
    'grant select (id) to learnplan_reader',
    'grant select (user_id) to learnplan_reader',
    'grant select (visibility) to learnplan_reader',
    'grant select to authenticated',
    'grant select to service_role',
    'grant update (created_at) to service_role',
    'grant update (deadline_date) to authenticated',
    'grant update (deadline_date) to service_role',
    'grant update (id) to service_role',
    'grant update (learning_style) to authenticated',
    'grant update (learning_style) to service_role',
    'grant update (origin) to service_role',
    'grant update (skill_level) to authenticated',
    'grant update (skill_level) to service_role',
    'grant update (start_date) to authenticated',
    'grant update (start_date) to service_role',
    'grant update (topic) to authenticated',
    'grant update (topic) to service_role',
    'grant update (updated_at) to service_role',
    'grant update (visibility) to authenticated',
    'grant update (visibility) to service_role',
    'grant update (weekly_hours) to authenticated',
    'grant update (weekly_hours) to service_role'
  ],
  array(select learnplan_private.describe_relation('learnplan.learning_plans', 'grant'))
);

rollback;
