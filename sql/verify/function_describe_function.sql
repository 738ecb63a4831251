-- Verify learnplan-db:function_describe_function on pg

begin;

do $$
begin
  assert (
    select md5(p.prosrc) = 'e7b3d8fcdb6dace99e9c49f113ddff8b'
      and p.provolatile = 's'
      and not p.prosecdef
      and p.proconfig = array['search_path=pg_catalog, pg_temp']
    from pg_catalog.pg_proc as p
    where p.oid = 'learnplan_private.describe_function(regprocedure)'::regprocedure
  ), 'function learnplan_private.describe_function(regprocedure) is not the one that was deployed';
end
$$;

rollback;
