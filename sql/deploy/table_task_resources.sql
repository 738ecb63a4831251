-- Deploy learnplan-db:table_task_resources to pg
-- requires: schema_learnplan
-- requires: table_tasks
-- requires: table_resources
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- Which resources a task uses, in which order of display. The same resource stands once on a
-- task; two links may share a place.
-- Source: outline, table 6.

begin;
set local search_path = pg_catalog, pg_temp;

create table learnplan.task_resources (
  id          uuid         not null default gen_random_uuid(),
  task_id     uuid         not null,
  resource_id uuid         not null,
  "order"     integer      not null,
  notes       text,
  created_at  timestamptz  not null default now(),

  constraint task_resources_pkey                    primary key (id),
  constraint task_resources_task_id_fkey            foreign key (task_id)
    references learnplan.tasks (id) on delete cascade,
  constraint task_resources_resource_id_fkey        foreign key (resource_id)
    references learnplan.resources (id) on delete cascade,
  constraint task_resources_task_id_resource_id_key unique (task_id, resource_id),
  constraint task_resources_order_min               check ("order" >= 1)
);

create index idx_task_resources_task_id on learnplan.task_resources (task_id);

create index idx_task_resources_resource_id on learnplan.task_resources (resource_id);

comment on table learnplan.task_resources is
  'Which resources a task uses.';
comment on column learnplan.task_resources."order" is
  'Place in the display of the task, from 1.';
comment on column learnplan.task_resources.notes is
  'What to look at in the resource for this task.';

commit;
