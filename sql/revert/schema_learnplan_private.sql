-- Revert learnplan-db:schema_learnplan_private from pg

begin;
set local search_path = pg_catalog, pg_temp;

do $$
begin
  if has_database_privilege(current_database(), 'CREATE') then
    drop schema learnplan_private;
  else
    -- An administrator made it, and would have to make it again.
    comment on schema learnplan_private is null;
  end if;
end
$$;

commit;
