-- Verify learnplan-db:function_describe_relation on pg

begin;

do $$
begin
  assert (
    select md5(p.prosrc) = '577e79efedce5533fa06eab4a49cf3f8'
      and p.provolatile = 's'
      and not p.prosecdef
      and p.proconfig = array['search_path=pg_catalog, pg_temp']
    from pg_catalog.pg_proc as p
    where p.oid = 'learnplan_private.describe_relation(regclass, text[])'::regprocedure
  ), 'function learnplan_private.describe_relation(regclass, text[]) is not the one that was deployed';
end
$$;

rollback;
