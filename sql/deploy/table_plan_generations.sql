-- Deploy learnplan-db:table_plan_generations to pg
-- requires: schema_learnplan
-- requires: table_learning_plans
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- One row each time a model wrote or rewrote a plan, for debugging, analytics and
-- regenerating. Treat it as append-only.
-- Source: outline, table 8.

begin;
set local search_path = pg_catalog, pg_temp;

create table learnplan.plan_generations (
  id             uuid         not null default gen_random_uuid(),
  plan_id        uuid         not null,
  model          text         not null,
  prompt         jsonb        not null,
  parameters     jsonb,
  output_summary jsonb,
  created_at     timestamptz  not null default now(),

  constraint plan_generations_pkey         primary key (id),
  constraint plan_generations_plan_id_fkey foreign key (plan_id)
    references learnplan.learning_plans (id) on delete cascade
);

create index idx_plan_generations_plan_id on learnplan.plan_generations (plan_id);

comment on table learnplan.plan_generations is
  'Each time a model generated a plan: with what, from what, and what came out.';
comment on column learnplan.plan_generations.prompt is
  'The inputs: a JSON string, or an object of named inputs.';
comment on column learnplan.plan_generations.parameters is
  'Settings of the model, such as the temperature.';
comment on column learnplan.plan_generations.output_summary is
  'Summary or counts of what was generated, not the output itself.';

commit;
