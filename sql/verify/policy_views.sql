-- Verify learnplan-db:policy_views on pg
-- GENERATED from policies/views.sql.j2 (70ac4cad5578); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'grants on learnplan.module_progress',
  array[
    'grant select to authenticated',
    'grant select to service_role'
  ],
  array(select learnplan_private.describe_relation('learnplan.module_progress', 'grant'))
);

select learnplan_private.assert_same(
  'grants on learnplan.plan_progress',
  array[
    'grant select to authenticated',
    'grant select to service_role'
  ],
  array(select learnplan_private.describe_relation('learnplan.plan_progress', 'grant'))
);

rollback;
