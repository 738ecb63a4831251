-- Deploy learnplan-db:policy_learning_plans to pg
-- requires: table_learning_plans
-- requires: policy_functions
-- requires: policy_users
-- requires: function_describe_relation
-- GENERATED from policies/learning_plans.sql.j2 (0dba6c29de97); edit, then: learnplan-db render
--
-- Who may do what with plans: yours are yours, public ones are for all who signed in to read.
--
--              select              insert              update              delete
--   owner      own plans           for themselves      own plans, columns  own plans
--   stranger   public plans        no                  nothing             nothing
--   anonymous  no                  no                  no                  no
--   service    all                 all                 all, not user_id    all
-- Source: outline, table 2.
begin;
set local search_path = pg_catalog, pg_temp;

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
