-- Deploy learnplan-db:table_tasks to pg
-- requires: schema_learnplan
-- requires: table_modules
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- What to do in one session, in order within a module. Progress is counted in tasks; deleting
-- a module deletes its tasks.
-- Source: outline, table 4.

begin;
set local search_path = pg_catalog, pg_temp;

create table learnplan.tasks (
  id                uuid         not null default gen_random_uuid(),
  module_id         uuid         not null,
  "order"           integer      not null,
  title             text         not null,
  description       text,
  estimated_minutes integer      not null,
  created_at        timestamptz  not null default now(),
  updated_at        timestamptz  not null default now(),

  constraint tasks_pkey  primary key (id),
  constraint tasks_module_id_fkey foreign key (module_id)
    references learnplan.modules (id) on delete cascade,
  -- The index of this constraint carries the name that the outline gives it.
  constraint idx_tasks_module_id_order unique (module_id, "order"),
  constraint tasks_order_min check ("order" >= 1),
  constraint tasks_estimated_minutes_min check (estimated_minutes >= 0)
);

create index idx_tasks_module_id on learnplan.tasks (module_id);

comment on table learnplan.tasks is
  'Units of work of a module, small enough for a day or a session.';
comment on column learnplan.tasks."order" is
  'Place within the module, from 1. Gaps are fine; two in one place are not.';
comment on column learnplan.tasks.estimated_minutes is
  'Estimated effort in minutes; the UI shows hours.';

commit;
