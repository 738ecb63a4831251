-- Revert learnplan-db:policy_views from pg
-- GENERATED from policies/views.sql.j2 (70ac4cad5578); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

revoke select on learnplan.plan_progress
from authenticated, service_role;
revoke select on learnplan.module_progress
from authenticated, service_role;

commit;
