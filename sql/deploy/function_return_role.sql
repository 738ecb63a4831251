-- Deploy learnplan-db:function_return_role to pg
-- requires: schema_learnplan_private
-- requires: function_assert_same
-- requires: function_describe_function
--
-- Undoes borrow_role, and does nothing where that had nothing to do.
-- Source: row security facts, 3.2.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.return_role(role_name name)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('learnplan.borrowed_' || role_name, true) = 'yes' then
    execute format('revoke %I from %I', role_name, current_user);
    perform set_config('learnplan.borrowed_' || role_name, '', true);
  end if;
end
$$;

comment on function learnplan_private.return_role(name) is
  'Ends the membership that borrow_role began in this transaction.';

revoke all on function learnplan_private.return_role(name) from public;

commit;
