-- Revert learnplan-db:policy_users from pg
-- GENERATED from policies/users.sql.j2 (179618bf209f); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

drop policy users_delete_service_role on learnplan.users;
drop policy users_update_service_role on learnplan.users;
drop policy users_insert_service_role on learnplan.users;
drop policy users_select_service_role on learnplan.users;
revoke update on learnplan.users
from service_role;
revoke select, insert, delete on learnplan.users
from service_role;
drop policy users_select_identity on learnplan.users;
revoke select (id, clerk_user_id) on learnplan.users
from learnplan_identity;
drop policy users_update_authenticated on learnplan.users;
drop policy users_insert_authenticated on learnplan.users;
drop policy users_select_authenticated on learnplan.users;
revoke update (name) on learnplan.users
from authenticated;
revoke insert (id, clerk_user_id, email, name) on learnplan.users
from authenticated;
revoke select on learnplan.users
from authenticated;
alter table learnplan.users no force row level security;
alter table learnplan.users disable row level security;

commit;
