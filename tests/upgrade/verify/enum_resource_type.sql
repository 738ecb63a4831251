-- Verify learnplan-db:enum_resource_type on pg

begin;

select learnplan_private.assert_same(
  'enum learnplan.resource_type',
  array['1 youtube', '2 article', '3 course', '4 doc', '5 other', '6 podcast'],
  array(
    select concat_ws(' ', row_number() over (order by enumsortorder), enumlabel)
    from pg_catalog.pg_enum
    where enumtypid = 'learnplan.resource_type'::regtype
  )
);

rollback;
