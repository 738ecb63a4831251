-- Revert learnplan-db:policy_plan_generations from pg
-- GENERATED from policies/plan_generations.sql.j2 (690e7bf1d43d); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

drop policy plan_generations_delete_service_role on learnplan.plan_generations;
drop policy plan_generations_update_service_role on learnplan.plan_generations;
drop policy plan_generations_insert_service_role on learnplan.plan_generations;
drop policy plan_generations_select_service_role on learnplan.plan_generations;
revoke update on learnplan.plan_generations
from service_role;
revoke select, insert, delete on learnplan.plan_generations
from service_role;
drop policy plan_generations_delete_authenticated on learnplan.plan_generations;
drop policy plan_generations_update_authenticated on learnplan.plan_generations;
drop policy plan_generations_insert_authenticated on learnplan.plan_generations;
drop policy plan_generations_select_authenticated on learnplan.plan_generations;
revoke update (model, prompt, parameters, output_summary) on learnplan.plan_generations
from authenticated;
revoke select, insert, delete on learnplan.plan_generations
from authenticated;
alter table learnplan.plan_generations no force row level security;
alter table learnplan.plan_generations disable row level security;

-- What the version before had made.
alter table learnplan.plan_generations enable row level security;
alter table learnplan.plan_generations force row level security;

-- Default privileges of a host must not open what no rule opens.
revoke all on learnplan.plan_generations
from public, anon, authenticated, service_role;

grant select, insert, delete on learnplan.plan_generations to authenticated;
grant update (model, prompt, parameters, output_summary)
on learnplan.plan_generations to authenticated;
-- no update of plan_id for authenticated: a record never moves to another plan

-- Only the owner of the plan may read its generations.
create policy plan_generations_select_authenticated on learnplan.plan_generations
  for select to authenticated
  using (exists (
    select 1
    from learnplan.learning_plans as parent
    where parent.id = plan_generations.plan_id
      and parent.user_id = (select learnplan.current_user_id())
  ));
comment on policy plan_generations_select_authenticated on learnplan.plan_generations is
  'Only the owner of the plan may read its generations.';

-- Only the owner of the plan may record a generation.
create policy plan_generations_insert_authenticated on learnplan.plan_generations
  for insert to authenticated
  with check (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())));
comment on policy plan_generations_insert_authenticated on learnplan.plan_generations is
  'Only the owner of the plan may record a generation.';

-- Only the owner of the plan may update its generations.
create policy plan_generations_update_authenticated on learnplan.plan_generations
  for update to authenticated
  using (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())))
  with check (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())));
comment on policy plan_generations_update_authenticated on learnplan.plan_generations is
  'Only the owner of the plan may update its generations.';

-- Only the owner of the plan may delete its generations.
create policy plan_generations_delete_authenticated on learnplan.plan_generations
  for delete to authenticated
  using (learnplan_private.owns_plan(plan_id, (select learnplan.current_user_id())));
comment on policy plan_generations_delete_authenticated on learnplan.plan_generations is
  'Only the owner of the plan may delete its generations.';

-- The system manages every row: signing up, generating plans, support.
grant select, insert, delete on learnplan.plan_generations to service_role;
grant update on learnplan.plan_generations
to service_role;

create policy plan_generations_select_service_role on learnplan.plan_generations
  for select to service_role
  using (true);
comment on policy plan_generations_select_service_role on learnplan.plan_generations is
  'The service may read all rows.';

create policy plan_generations_insert_service_role on learnplan.plan_generations
  for insert to service_role
  with check (true);
comment on policy plan_generations_insert_service_role on learnplan.plan_generations is
  'The service may insert any row.';

create policy plan_generations_update_service_role on learnplan.plan_generations
  for update to service_role
  using (true)
  with check (true);
comment on policy plan_generations_update_service_role on learnplan.plan_generations is
  'The service may update any row.';

create policy plan_generations_delete_service_role on learnplan.plan_generations
  for delete to service_role
  using (true);
comment on policy plan_generations_delete_service_role on learnplan.plan_generations is
  'The service may delete any row.';

commit;
