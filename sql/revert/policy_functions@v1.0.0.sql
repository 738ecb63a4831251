-- Revert learnplan-db:policy_functions from pg
-- GENERATED from policies/functions.sql.j2 (72bdc7c2c348); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

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

commit;
