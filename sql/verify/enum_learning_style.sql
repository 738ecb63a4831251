-- Verify learnplan-db:enum_learning_style on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'enum learnplan.learning_style',
  array['1 reading', '2 video', '3 practice', '4 mixed'],
  array(
    select concat_ws(' ', row_number() over (order by enumsortorder), enumlabel)
    from pg_catalog.pg_enum
    where enumtypid = 'learnplan.learning_style'::regtype
  )
);

rollback;
