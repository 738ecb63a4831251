-- Verify learnplan-db:view_module_progress on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'view learnplan.module_progress',
  array[
    'option security_invoker=true',
    'view d9941490e86343992a71e68bedda0c83',
    'column module_id uuid',
    'column plan_id uuid',
    'column user_id uuid',
    'column "order" integer',
    'column completed_tasks bigint',
    'column total_tasks bigint',
    'column status learnplan.progress_status',
    'column percentage numeric',
    'column completed_minutes bigint',
    'column total_minutes bigint'
  ],
  array(select learnplan_private.describe_relation('learnplan.module_progress', 'column', 'option', 'view'))
);

rollback;
