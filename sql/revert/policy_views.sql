-- Revert learnplan-db:policy_views from pg
-- GENERATED from policies/views.sql.j2 (433ace75bfee); edit, then: learnplan-db render

begin;

revoke select on learnplan.plan_progress
from authenticated, service_role;
revoke select on learnplan.module_progress
from authenticated, service_role;

commit;
