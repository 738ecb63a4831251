-- Verify learnplan-db:policy_plan_generations on pg
-- GENERATED from policies/plan_generations.sql.j2 (dac2b527a83f); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

create temporary table plan_generations (like learnplan.plan_generations);

create policy plan_generations_select_authenticated on pg_temp.plan_generations
  for select to authenticated
  using (exists (
    select 1
    from learnplan.learning_plans as parent
    where parent.id = plan_generations.plan_id
      and parent.user_id = (select learnplan.current_user_id())
  ));

create policy plan_generations_insert_authenticated on pg_temp.plan_generations
  for insert to authenticated
  with check (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())));

create policy plan_generations_update_authenticated on pg_temp.plan_generations
  for update to authenticated
  using (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())))
  with check (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())));

create policy plan_generations_delete_authenticated on pg_temp.plan_generations
  for delete to authenticated
  using (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())));

create policy plan_generations_select_service_role on pg_temp.plan_generations
  for select to service_role
  using (true);

create policy plan_generations_insert_service_role on pg_temp.plan_generations
  for insert to service_role
  with check (true);

create policy plan_generations_update_service_role on pg_temp.plan_generations
  for update to service_role
  using (true)
  with check (true);

create policy plan_generations_delete_service_role on pg_temp.plan_generations
  for delete to service_role
  using (true);

select learnplan_private.assert_same(
  'policies of learnplan.plan_generations',
  array(select learnplan_private.describe_relation('pg_temp.plan_generations', 'policy')),
  array(select learnplan_private.describe_relation('learnplan.plan_generations', 'policy'))
);

select learnplan_private.assert_same(
  'row security of learnplan.plan_generations',
  array['row security enabled forced'],
  array(select learnplan_private.describe_relation('learnplan.plan_generations', 'row'))
);

select learnplan_private.assert_same(
  'policies without a comment of learnplan.plan_generations',
  array[]::text[],
  array(
    select polname::text
    from pg_catalog.pg_policy
    where polrelid = 'learnplan.plan_generations'::regclass
      and pg_catalog.obj_description(oid, 'pg_policy') is null
  )
);

select learnplan_private.assert_same(
  'grants on learnplan.plan_generations',
  array[
    'grant delete to authenticated',
    'grant delete to service_role',
    'grant insert to authenticated',
    'grant insert to service_role',
    'grant select to authenticated',
    'grant select to service_role',
    'grant update (model) to authenticated',
    'grant update (output_summary) to authenticated',
    'grant update (parameters) to authenticated',
    'grant update (prompt) to authenticated',
    'grant update to service_role'
  ],
  array(select learnplan_private.describe_relation('learnplan.plan_generations', 'grant'))
);

rollback;
