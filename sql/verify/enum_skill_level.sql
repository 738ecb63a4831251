-- Verify learnplan-db:enum_skill_level on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'enum learnplan.skill_level',
  array['1 beginner', '2 intermediate', '3 advanced'],
  array(
    select concat_ws(' ', row_number() over (order by enumsortorder), enumlabel)
    from pg_catalog.pg_enum
    where enumtypid = 'learnplan.skill_level'::regtype
  )
);

rollback;
