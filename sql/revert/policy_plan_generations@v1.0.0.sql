-- Revert learnplan-db:policy_plan_generations from pg
-- GENERATED from policies/plan_generations.sql.j2 (dac2b527a83f); edit, then: learnplan-db render

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

commit;
