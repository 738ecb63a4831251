-- Deploy learnplan-db:function_hand_over to pg
-- requires: function_borrow_role
-- requires: function_return_role
-- requires: function_assert_same
-- requires: function_describe_function
--
-- ALTER FUNCTION OWNER asks that the new owner may create in the schema; it may for just that
-- moment. Comments and revokes come before, while the deployer still owns the function.
-- Source: row security facts, 3.2.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.hand_over(procedure regprocedure, new_owner name)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_schema regnamespace := (select pronamespace from pg_proc where oid = procedure);
begin
  perform learnplan_private.borrow_role(new_owner);
  execute format('grant create on schema %s to %I', v_schema, new_owner);
  execute format('alter function %s owner to %I', procedure, new_owner);
  execute format('revoke create on schema %s from %I', v_schema, new_owner);
  perform learnplan_private.return_role(new_owner);
end
$$;

comment on function learnplan_private.hand_over(regprocedure, name) is
  'Gives a security-definer function to the NOLOGIN role whose rights it runs with.';

revoke all on function learnplan_private.hand_over(regprocedure, name) from public;

commit;
