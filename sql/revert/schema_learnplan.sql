-- Revert learnplan-db:schema_learnplan from pg

begin;
set local search_path = pg_catalog, pg_temp;

do $$
begin
  if has_database_privilege(current_database(), 'CREATE') then
    drop schema learnplan;
  else
    -- An administrator made it, and would have to make it again.
    comment on schema learnplan is null;
  end if;
end
$$;

commit;
