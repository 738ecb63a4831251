-- Verify learnplan-db:function_describe_relation on pg

begin;
set local search_path = pg_catalog, pg_temp;

do $$
begin
  if (
    select md5(p.prosrc) = '2346e2ea905e3e332d4fb9e95d6667f0'
      and p.provolatile = 's'
      and not p.prosecdef
      and replace(
        array_to_string(p.proconfig, '; '), '"pg_catalog", "pg_temp"', 'pg_catalog, pg_temp'
      ) = 'search_path=pg_catalog, pg_temp; standard_conforming_strings=on; quote_all_identifiers=off'
    from pg_catalog.pg_proc as p
    where p.oid = 'learnplan_private.describe_relation(regclass, text[])'::regprocedure
  ) is not true then
    raise exception 'function learnplan_private.describe_relation(regclass, text[]) is not the one that was deployed';
  end if;
end
$$;

rollback;
