-- Deploy learnplan-db:function_ensure_role to pg
-- requires: schema_learnplan_private
-- requires: function_assert_same
-- requires: function_describe_function
--
-- Roles belong to the whole cluster: another database may create the same one at the same
-- moment, and then the loser must go on. An existing role is left exactly as it is. No revert
-- ever drops a role.
-- Source: design, names in the database.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.ensure_role(role_name name)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (select from pg_roles where rolname = role_name) then
    return;
  end if;
  execute format('create role %I nologin', role_name);
exception
  when duplicate_object or unique_violation then
    null; -- another database of this cluster was faster
  when insufficient_privilege then
    raise exception 'role "%" is missing and % may not create it', role_name, current_user
      using errcode = 'insufficient_privilege',
        hint = format('An administrator can run: create role %I nologin;', role_name);
end
$$;

comment on function learnplan_private.ensure_role(name) is
  'Creates a NOLOGIN role unless it is there; safe when two databases do so at once.';

revoke all on function learnplan_private.ensure_role(name) from public;

commit;
