-- Verify learnplan-db:function_describe_function on pg

begin;

do $$
begin
  assert (
    select md5(p.prosrc) = 'f27169fe203f9a80016c853c4b1c7c09'
    from pg_catalog.pg_proc as p
    where p.oid = 'learnplan_private.describe_function(regprocedure)'::regprocedure
  ), 'function learnplan_private.describe_function(regprocedure) is not the one that was deployed';
end
$$;

rollback;
