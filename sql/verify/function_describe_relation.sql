-- Verify learnplan-db:function_describe_relation on pg

begin;

do $$
begin
  assert (
    select md5(p.prosrc) = '3ad0fa5ad073d68e49fa357d4bb08453'
    from pg_catalog.pg_proc as p
    where p.oid = 'learnplan_private.describe_relation(regclass, text[])'::regprocedure
  ), 'function learnplan_private.describe_relation(regclass, text[]) is not the one that was deployed';
end
$$;

rollback;
