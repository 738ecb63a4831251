-- Verify learnplan-db:function_describe_function on pg

begin;
set local search_path = pg_catalog, pg_temp;

do $$
begin
  if (
    select md5(p.prosrc) = 'aaf2ab2a310ee15c2ebfa2398c9b4b69'
      and p.provolatile = 's'
      and not p.prosecdef
      and replace(
        array_to_string(p.proconfig, '; '), '"pg_catalog", "pg_temp"', 'pg_catalog, pg_temp'
      ) = 'search_path=pg_catalog, pg_temp; standard_conforming_strings=on; quote_all_identifiers=off'
    from pg_catalog.pg_proc as p
    where p.oid = 'learnplan_private.describe_function(regprocedure)'::regprocedure
  ) is not true then
    raise exception 'function learnplan_private.describe_function(regprocedure) is not the one that was deployed';
  end if;
end
$$;

rollback;
