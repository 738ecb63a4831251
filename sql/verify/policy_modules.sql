-- Verify learnplan-db:policy_modules on pg
-- GENERATED from policies/modules.sql.j2 (d2127500173a); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

create temporary table modules (like learnplan.modules);

create policy modules_select_authenticated on pg_temp.modules
  for select to authenticated
  using (exists (
    select from (values (true), (false), (false), (false)) as once (asked)
    inner join learnplan.learning_plans as parent
      on parent.id = case when once.asked then modules.plan_id end
  ));

create policy modules_insert_authenticated on pg_temp.modules
  for insert to authenticated
  with check (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())));

create policy modules_update_authenticated on pg_temp.modules
  for update to authenticated
  using (exists (
    select from (values (true), (false), (false), (false)) as once (asked)
    inner join learnplan.learning_plans as parent
      on parent.id = case when once.asked then modules.plan_id end
    where (parent.user_id = (select learnplan.current_user_id())) is true
  ))
  with check (exists (
    select from (values (true), (false), (false), (false)) as once (asked)
    inner join learnplan.learning_plans as parent
      on parent.id = case when once.asked then modules.plan_id end
    where (parent.user_id = (select learnplan.current_user_id())) is true
  ));

create policy modules_delete_authenticated on pg_temp.modules
  for delete to authenticated
  using (exists (
    select from (values (true), (false), (false), (false)) as once (asked)
    inner join learnplan.learning_plans as parent
      on parent.id = case when once.asked then modules.plan_id end
    where (parent.user_id = (select learnplan.current_user_id())) is true
  ));

create policy modules_select_reader on pg_temp.modules
  for select to learnplan_reader
  using (true);

create policy modules_select_service_role on pg_temp.modules
  for select to service_role
  using (true);

create policy modules_insert_service_role on pg_temp.modules
  for insert to service_role
  with check (true);

create policy modules_update_service_role on pg_temp.modules
  for update to service_role
  using (true)
  with check (true);

create policy modules_delete_service_role on pg_temp.modules
  for delete to service_role
  using (true);

select learnplan_private.assert_same(
  'policies of learnplan.modules',
  array(select learnplan_private.describe_relation('pg_temp.modules', 'policy')),
  array(select learnplan_private.describe_relation('learnplan.modules', 'policy'))
);

select learnplan_private.assert_same(
  'row security of learnplan.modules',
  array['row security enabled forced'],
  array(select learnplan_private.describe_relation('learnplan.modules', 'row'))
);

select learnplan_private.assert_same(
  'policies without a comment of learnplan.modules',
  array[]::text[],
  array(
    select polname::text
    from pg_catalog.pg_policy
    where polrelid = 'learnplan.modules'::regclass
      and pg_catalog.obj_description(oid, 'pg_policy') is null
  )
);

select learnplan_private.assert_same(
  'grants on learnplan.modules',
  array[
    'grant delete to authenticated',
    'grant delete to service_role',
    'grant insert to authenticated',
    'grant insert to service_role',
    'grant select ("order") to learnplan_reader',
    'grant select (description) to learnplan_reader',
    'grant select (estimated_minutes) to learnplan_reader',
    'grant select (id) to learnplan_reader',
    'grant select (plan_id) to learnplan_reader',
    'grant select (title) to learnplan_reader',
    'grant select to authenticated',
    'grant select to service_role',
    'grant update ("order") to authenticated',
    'grant update (description) to authenticated',
    'grant update (estimated_minutes) to authenticated',
    'grant update (plan_id) to authenticated',
    'grant update (title) to authenticated',
    'grant update to service_role'
  ],
  array(select learnplan_private.describe_relation('learnplan.modules', 'grant'))
);

rollback;
