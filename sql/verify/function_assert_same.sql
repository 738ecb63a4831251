-- Verify learnplan-db:function_assert_same on pg

begin;

do $$
begin
  assert (
    select md5(p.prosrc) = 'cc5208fa80d29513f711b501cfe58bd1'
      and p.provolatile = 'i'
      and not p.prosecdef
      and p.proconfig = array['search_path=pg_catalog, pg_temp']
    from pg_catalog.pg_proc as p
    where p.oid = 'learnplan_private.assert_same(text, text[], text[])'::regprocedure
  ), 'function learnplan_private.assert_same(text, text[], text[]) is not the one that was deployed';
end
$$;

rollback;
