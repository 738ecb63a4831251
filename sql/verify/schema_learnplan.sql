-- Verify learnplan-db:schema_learnplan on pg

begin;

do $$
begin
  assert to_regnamespace('learnplan') is not null, 'schema learnplan is missing';
  assert obj_description(to_regnamespace('learnplan'), 'pg_namespace') is not null,
    'schema learnplan has no comment';
end
$$;

rollback;
