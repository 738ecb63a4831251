-- Verify learnplan-db:function_assert_same on pg

begin;
set local search_path = pg_catalog, pg_temp;

do $$
begin
  if (
    select md5(p.prosrc) = 'cc5208fa80d29513f711b501cfe58bd1'
      and p.provolatile = 'i'
      and not p.prosecdef
      and replace(
        array_to_string(p.proconfig, '; '), '"pg_catalog", "pg_temp"', 'pg_catalog, pg_temp'
      ) = 'search_path=pg_catalog, pg_temp'
    from pg_catalog.pg_proc as p
    where p.oid = 'learnplan_private.assert_same(text, text[], text[])'::regprocedure
  ) is not true then
    raise exception 'function learnplan_private.assert_same(text, text[], text[]) is not the one that was deployed';
  end if;
end
$$;

rollback;
