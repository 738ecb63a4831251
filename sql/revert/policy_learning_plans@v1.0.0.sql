-- Revert learnplan-db:policy_learning_plans from pg
-- GENERATED from policies/learning_plans.sql.j2 (0dba6c29de97); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

drop policy learning_plans_delete_service_role on learnplan.learning_plans;
drop policy learning_plans_update_service_role on learnplan.learning_plans;
drop policy learning_plans_insert_service_role on learnplan.learning_plans;
drop policy learning_plans_select_service_role on learnplan.learning_plans;
revoke update ( id, topic, skill_level, weekly_hours, learning_style, start_date, deadline_date,
  visibility, origin, created_at, updated_at ) on learnplan.learning_plans
from service_role;
revoke select, insert, delete on learnplan.learning_plans
from service_role;
drop policy learning_plans_select_reader on learnplan.learning_plans;
revoke select (id, user_id, visibility) on learnplan.learning_plans
from learnplan_reader;
drop policy learning_plans_delete_authenticated on learnplan.learning_plans;
drop policy learning_plans_update_authenticated on learnplan.learning_plans;
drop policy learning_plans_insert_authenticated on learnplan.learning_plans;
drop policy learning_plans_select_authenticated on learnplan.learning_plans;
revoke update ( topic, skill_level, weekly_hours, learning_style, start_date, deadline_date,
  visibility ) on learnplan.learning_plans
from authenticated;
revoke select, insert, delete on learnplan.learning_plans
from authenticated;
alter table learnplan.learning_plans no force row level security;
alter table learnplan.learning_plans disable row level security;

commit;
