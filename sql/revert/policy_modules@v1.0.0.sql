-- Revert learnplan-db:policy_modules from pg
-- GENERATED from policies/modules.sql.j2 (950feaa1c5a2); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

drop policy modules_delete_service_role on learnplan.modules;
drop policy modules_update_service_role on learnplan.modules;
drop policy modules_insert_service_role on learnplan.modules;
drop policy modules_select_service_role on learnplan.modules;
revoke update on learnplan.modules
from service_role;
revoke select, insert, delete on learnplan.modules
from service_role;
drop policy modules_select_reader on learnplan.modules;
revoke select (id, plan_id) on learnplan.modules
from learnplan_reader;
drop policy modules_delete_authenticated on learnplan.modules;
drop policy modules_update_authenticated on learnplan.modules;
drop policy modules_insert_authenticated on learnplan.modules;
drop policy modules_select_authenticated on learnplan.modules;
revoke update (plan_id, "order", title, description, estimated_minutes) on learnplan.modules
from authenticated;
revoke select, insert, delete on learnplan.modules
from authenticated;
alter table learnplan.modules no force row level security;
alter table learnplan.modules disable row level security;

commit;
