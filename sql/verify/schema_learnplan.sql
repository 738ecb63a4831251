-- Verify learnplan-db:schema_learnplan on pg

begin;
set local search_path = pg_catalog, pg_temp;

do $$
begin
  -- No assert: plpgsql.check_asserts may be off.
  if to_regnamespace('learnplan') is null then
    raise exception 'schema learnplan is missing';
  elsif obj_description(to_regnamespace('learnplan'), 'pg_namespace') is null then
    raise exception 'schema learnplan has no comment';
  end if;
end
$$;

rollback;
