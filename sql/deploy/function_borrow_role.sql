-- Deploy learnplan-db:function_borrow_role to pg
-- requires: schema_learnplan_private
-- requires: function_assert_same
-- requires: function_describe_function
--
-- The definer functions belong to roles of their own. A deployer that is no superuser may hand
-- them over, or grant on them, only as a member of the owner: this makes it one, and
-- return_role takes it back before the commit. A deployer that is a member already stays one.
-- Source: row security facts, 3.2.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.borrow_role(role_name name)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_version integer := current_setting('server_version_num')::integer;
begin
  if pg_has_role(role_name, 'USAGE')
    and pg_has_role(role_name, case when v_version < 160000 then 'MEMBER' else 'SET' end)
  then
    return;
  end if;
  execute format('grant %I to %I', role_name, current_user)
    || case when v_version < 160000 then '' else ' with inherit true, set true' end;
  perform set_config('learnplan.borrowed_' || role_name, 'yes', true);
exception
  when insufficient_privilege then
    raise exception '% may not act for role "%"', current_user, role_name
      using errcode = 'insufficient_privilege',
        hint = format('An administrator can run: grant %I to %I;', role_name, current_user);
end
$$;

comment on function learnplan_private.borrow_role(name) is
  'Makes the deployer a member of an owner role, until return_role in the same transaction.';

revoke all on function learnplan_private.borrow_role(name) from public;

commit;
