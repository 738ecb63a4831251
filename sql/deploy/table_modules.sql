-- Deploy learnplan-db:table_modules to pg
-- requires: schema_learnplan
-- requires: table_learning_plans
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- Ordered sections of one plan; the UI counts them as weeks. "order" is 1-based; deleting a
-- plan deletes its modules.
-- Source: outline, table 3.

begin;
set local search_path = pg_catalog, pg_temp;

create table learnplan.modules (
  id                uuid         not null default gen_random_uuid(),
  plan_id           uuid         not null,
  "order"           integer      not null,
  title             text         not null,
  description       text,
  estimated_minutes integer      not null,
  created_at        timestamptz  not null default now(),
  updated_at        timestamptz  not null default now(),

  constraint modules_pkey  primary key (id),
  constraint modules_plan_id_fkey foreign key (plan_id)
    references learnplan.learning_plans (id) on delete cascade,
  -- The index of this constraint carries the name that the outline gives it.
  constraint idx_modules_plan_id_order unique (plan_id, "order"),
  constraint modules_order_min check ("order" >= 1),
  constraint modules_estimated_minutes_min check (estimated_minutes >= 0)
);

create index idx_modules_plan_id on learnplan.modules (plan_id);

comment on table learnplan.modules is
  'Ordered sections of a plan. One module is one week of the dashboard.';
comment on column learnplan.modules."order" is
  'Place within the plan, from 1. Gaps are fine; two in one place are not.';
comment on column learnplan.modules.estimated_minutes is
  'Estimated effort in minutes; the UI shows hours.';

commit;
