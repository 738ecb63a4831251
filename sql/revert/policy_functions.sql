-- Revert learnplan-db:policy_functions from pg
-- GENERATED from policies/functions.sql.j2 (b195193b0e00); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

revoke execute on function learnplan.reorder_tasks(uuid, uuid[])
from authenticated, service_role;
revoke execute on function learnplan.reorder_modules(uuid, uuid[])
from authenticated, service_role;
revoke execute on function learnplan.weekly_hours(text)
from authenticated, service_role;
select learnplan_private.borrow_role('learnplan_reader');
revoke execute on function learnplan.search_public_plans(text, integer)
from authenticated;
revoke execute on function learnplan.my_progress()
from authenticated;
revoke execute on function learnplan.plan_progress_of(uuid)
from authenticated;
revoke execute on function learnplan.plan_tree(uuid)
from authenticated;
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
from authenticated, service_role, learnplan_reader;
select learnplan_private.return_role('learnplan_identity');
revoke execute on function learnplan.current_verified_email()
from authenticated, service_role;
revoke execute on function learnplan.current_subject()
from authenticated, service_role, learnplan_identity;
revoke execute on function learnplan.current_claims()
from authenticated, service_role, learnplan_identity;

-- What the version before had made.
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
