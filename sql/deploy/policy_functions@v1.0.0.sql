-- Deploy learnplan-db:policy_functions to pg
-- requires: policy_roles
-- requires: function_current_user_id
-- requires: function_current_subject
-- requires: function_current_verified_email
-- requires: function_owns_plan
-- requires: function_owns_module
-- requires: function_owns_task
-- requires: function_can_read_task
-- requires: function_weekly_hours
-- requires: function_reorder_modules
-- requires: function_reorder_tasks
-- requires: function_borrow_role
-- requires: function_return_role
-- GENERATED from policies/functions.sql.j2 (72bdc7c2c348); edit, then: learnplan-db render
--
-- Who may call what. EXECUTE was revoked from PUBLIC when each function was made; anonymous
-- callers get none. The definer functions belong to roles of their own, which are borrowed here.
-- Source: design, identity and policies.

begin;
set local search_path = pg_catalog, pg_temp;

-- Default privileges of a host must not open what no rule opens.
revoke all on function
  learnplan.current_claims(), learnplan.current_subject(), learnplan.current_verified_email(),
  learnplan.weekly_hours(text), learnplan.reorder_modules(uuid, uuid[]),
  learnplan.reorder_tasks(uuid, uuid[])
from public, anon, authenticated, service_role;

-- Who is asking: policies call these as the caller, the look-up as learnplan_identity.
grant execute on function learnplan.current_claims()
to authenticated, service_role, learnplan_identity;
grant execute on function learnplan.current_subject()
to authenticated, service_role, learnplan_identity;
grant execute on function learnplan.current_verified_email()
to authenticated, service_role;

select learnplan_private.borrow_role('learnplan_identity');
revoke all on function learnplan.current_user_id()
from public, anon, authenticated, service_role;
grant execute on function learnplan.current_user_id() to authenticated, service_role;
select learnplan_private.return_role('learnplan_identity');

-- The helpers of the policies: EXECUTE, but no way to name them without USAGE on their schema.
-- All else in there, as trigger functions and what verify scripts call, is the owner's alone.
select learnplan_private.borrow_role('learnplan_reader');
revoke all on all functions in schema learnplan_private
from public, anon, authenticated, service_role;
grant execute on function learnplan_private.owns_plan(uuid, uuid) to authenticated;
grant execute on function learnplan_private.owns_module(uuid, uuid) to authenticated;
grant execute on function learnplan_private.owns_task(uuid, uuid) to authenticated;
grant execute on function learnplan_private.can_read_task(uuid, uuid) to authenticated;
select learnplan_private.return_role('learnplan_reader');

grant execute on function learnplan.weekly_hours(text) to authenticated, service_role;
grant execute on function learnplan.reorder_modules(uuid, uuid[])
to authenticated, service_role;
grant execute on function learnplan.reorder_tasks(uuid, uuid[])
to authenticated, service_role;

commit;
