-- Revert learnplan-db:policy_learning_plans from pg
-- GENERATED from policies/learning_plans.sql.j2 (d6ca4869a4db); edit, then: learnplan-db render

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
revoke select on learnplan.learning_plans
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

-- What the version before had made.
alter table learnplan.learning_plans enable row level security;
alter table learnplan.learning_plans force row level security;

-- Default privileges of a host must not open what no rule opens.
revoke all on learnplan.learning_plans
from public, anon, authenticated, service_role;

grant select, insert, delete on learnplan.learning_plans to authenticated;
grant update (
  topic, skill_level, weekly_hours, learning_style, start_date, deadline_date, visibility
) on learnplan.learning_plans to authenticated;
-- no update of user_id for anybody: a plan never changes its owner
-- no update of origin: it is chosen when the plan is made

-- A user may read their own plans and public plans.
create policy learning_plans_select_authenticated on learnplan.learning_plans
  for select to authenticated
  using (learning_plans.user_id = (select learnplan.current_user_id())
    or (learning_plans.visibility = 'public' and (select learnplan.current_user_id()) is not null));
comment on policy learning_plans_select_authenticated on learnplan.learning_plans is
  'A user may read their own plans and public plans.';

-- A user may create plans only for themselves.
create policy learning_plans_insert_authenticated on learnplan.learning_plans
  for insert to authenticated
  with check (learning_plans.user_id = (select learnplan.current_user_id()));
comment on policy learning_plans_insert_authenticated on learnplan.learning_plans is
  'A user may create plans only for themselves.';

-- Only the owner may update a plan.
create policy learning_plans_update_authenticated on learnplan.learning_plans
  for update to authenticated
  using (learning_plans.user_id = (select learnplan.current_user_id()))
  with check (learning_plans.user_id = (select learnplan.current_user_id()));
comment on policy learning_plans_update_authenticated on learnplan.learning_plans is
  'Only the owner may update a plan.';

-- Only the owner may delete a plan.
create policy learning_plans_delete_authenticated on learnplan.learning_plans
  for delete to authenticated
  using (learning_plans.user_id = (select learnplan.current_user_id()));
comment on policy learning_plans_delete_authenticated on learnplan.learning_plans is
  'Only the owner may delete a plan.';

-- learnplan_reader answers the ownership helpers, from these columns alone.
grant select (id, user_id, visibility) on learnplan.learning_plans to learnplan_reader;

-- The ownership helpers may look up any row, in the few columns granted.
create policy learning_plans_select_reader on learnplan.learning_plans
  for select to learnplan_reader
  using (true);
comment on policy learning_plans_select_reader on learnplan.learning_plans is
  'The ownership helpers may look up any row, in the few columns granted.';

-- The system manages every row: signing up, generating plans, support.
grant select, insert, delete on learnplan.learning_plans to service_role;
grant update (
  id, topic, skill_level, weekly_hours, learning_style, start_date, deadline_date, visibility,
  origin, created_at, updated_at
) on learnplan.learning_plans
to service_role;

create policy learning_plans_select_service_role on learnplan.learning_plans
  for select to service_role
  using (true);
comment on policy learning_plans_select_service_role on learnplan.learning_plans is
  'The service may read all rows.';

create policy learning_plans_insert_service_role on learnplan.learning_plans
  for insert to service_role
  with check (true);
comment on policy learning_plans_insert_service_role on learnplan.learning_plans is
  'The service may insert any row.';

create policy learning_plans_update_service_role on learnplan.learning_plans
  for update to service_role
  using (true)
  with check (true);
comment on policy learning_plans_update_service_role on learnplan.learning_plans is
  'The service may update any row.';

create policy learning_plans_delete_service_role on learnplan.learning_plans
  for delete to service_role
  using (true);
comment on policy learning_plans_delete_service_role on learnplan.learning_plans is
  'The service may delete any row.';

commit;
