-- Verify learnplan-db:schema_learnplan_private on pg

begin;

do $$
begin
  assert to_regnamespace('learnplan_private') is not null, 'schema learnplan_private is missing';
  assert obj_description(to_regnamespace('learnplan_private'), 'pg_namespace') is not null,
    'schema learnplan_private has no comment';
end
$$;

rollback;
