-- Deploy learnplan-db:policy_views to pg
-- requires: view_module_progress
-- requires: view_plan_progress
-- requires: policy_task_progress
-- GENERATED from policies/views.sql.j2 (70ac4cad5578); edit, then: learnplan-db render
--
-- Who may read the views. They run with the caller's rights, so the tables' policies decide
-- which rows; nobody may write through them.
-- Source: outline, client mapping notes.

begin;
set local search_path = pg_catalog, pg_temp;

revoke all on learnplan.module_progress, learnplan.plan_progress
from public, anon, authenticated, service_role;

grant select on learnplan.module_progress to authenticated, service_role;
grant select on learnplan.plan_progress to authenticated, service_role;

commit;
