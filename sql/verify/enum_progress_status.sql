-- Verify learnplan-db:enum_progress_status on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'enum learnplan.progress_status',
  array['1 not_started', '2 in_progress', '3 completed'],
  array(
    select concat_ws(' ', row_number() over (order by enumsortorder), enumlabel)
    from pg_catalog.pg_enum
    where enumtypid = 'learnplan.progress_status'::regtype
  )
);

rollback;
