-- Revert learnplan-db:policy_resources from pg
-- GENERATED from policies/resources.sql.j2 (f5c83a3fc0c8); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

drop policy resources_delete_service_role on learnplan.resources;
drop policy resources_update_service_role on learnplan.resources;
drop policy resources_insert_service_role on learnplan.resources;
drop policy resources_select_service_role on learnplan.resources;
revoke update on learnplan.resources
from service_role;
revoke select, insert, delete on learnplan.resources
from service_role;
drop policy resources_select_authenticated on learnplan.resources;
revoke select on learnplan.resources
from authenticated;
alter table learnplan.resources no force row level security;
alter table learnplan.resources disable row level security;

commit;
