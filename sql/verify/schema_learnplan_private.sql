-- Verify learnplan-db:schema_learnplan_private on pg

begin;
set local search_path = pg_catalog, pg_temp;

do $$
begin
  -- No assert: plpgsql.check_asserts may be off.
  if to_regnamespace('learnplan_private') is null then
    raise exception 'schema learnplan_private is missing';
  elsif obj_description(to_regnamespace('learnplan_private'), 'pg_namespace') is null then
    raise exception 'schema learnplan_private has no comment';
  end if;
end
$$;

rollback;
