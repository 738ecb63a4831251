-- Deploy learnplan-db:policy_functions to pg
-- requires: policy_functions@v1.0.0
-- requires: function_plan_tree
-- requires: function_plan_progress_of
-- requires: function_my_progress
-- requires: function_search_public_plans
-- GENERATED from policies/functions.sql.j2 (b195193b0e00); edit, then: learnplan-db render
--
-- Who may call what. EXECUTE was revoked from PUBLIC when each function was made; anonymous
-- callers get none. The definer functions belong to roles of their own, which are borrowed here.
-- Source: design, identity and policies.

begin;
set local search_path = pg_catalog, pg_temp;

-- What the version before has made.
revoke execute on function learnplan.reorder_tasks(uuid, uuid[])
from authenticated, service_role;
revoke execute on function learnplan.reorder_modules(uuid, uuid[])
from authenticated, service_role;
revoke execute on function learnplan.weekly_hours(text)
from authenticated, service_role;
select learnplan_private.borrow_role('learnplan_reader');
revoke execute on function learnplan_private.can_read_task(uuid, uuid)
from authenticated;
revoke execute on function learnplan_private.owns_task(uuid, uuid)
from authenticated;
revoke execute on function learnplan_private.owns_module(uuid, uuid)
from authenticated;
revoke execute on function learnplan_private.owns_plan(uuid, uuid)
from authenticated;
select learnplan_private.return_role('learnplan_reader');
select learnplan_private.borrow_role('learnplan_identity');
revoke execute on function learnplan.current_user_id()
from authenticated, service_role;
select learnplan_private.return_role('learnplan_identity');
revoke execute on function learnplan.current_verified_email()
from authenticated, service_role;
revoke execute on function learnplan.current_subject()
from authenticated, service_role, learnplan_identity;
revoke execute on function learnplan.current_claims()
from authenticated, service_role, learnplan_identity;

-- Default privileges of a host must not open what no rule opens.
revoke all on function
  learnplan.current_claims(), learnplan.current_subject(), learnplan.current_verified_email(),
  learnplan.weekly_hours(text), learnplan.reorder_modules(uuid, uuid[]),
  learnplan.reorder_tasks(uuid, uuid[])
from public, anon, authenticated, service_role;

-- Who is asking: policies call these as the caller, the look-up as learnplan_identity, the
-- accessors as learnplan_reader.
grant execute on function learnplan.current_claims()
to authenticated, service_role, learnplan_identity;
grant execute on function learnplan.current_subject()
to authenticated, service_role, learnplan_identity;
grant execute on function learnplan.current_verified_email()
to authenticated, service_role;

select learnplan_private.borrow_role('learnplan_identity');
revoke all on function learnplan.current_user_id()
from public, anon, authenticated, service_role;
grant execute on function learnplan.current_user_id()
to authenticated, service_role, learnplan_reader;
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

-- The accessors of hot paths: for who signed in. The service is nobody, and its policies on the
-- tables are true: it reads these at no cost.
revoke all on function
  learnplan.plan_tree(uuid), learnplan.plan_progress_of(uuid), learnplan.my_progress(),
  learnplan.search_public_plans(text, integer)
from public, anon, authenticated, service_role;
grant execute on function learnplan.plan_tree(uuid) to authenticated;
grant execute on function learnplan.plan_progress_of(uuid) to authenticated;
grant execute on function learnplan.my_progress() to authenticated;
grant execute on function learnplan.search_public_plans(text, integer) to authenticated;
select learnplan_private.return_role('learnplan_reader');

grant execute on function learnplan.weekly_hours(text) to authenticated, service_role;
grant execute on function learnplan.reorder_modules(uuid, uuid[])
to authenticated, service_role;
grant execute on function learnplan.reorder_tasks(uuid, uuid[])
to authenticated, service_role;

commit;
