-- Verify learnplan-db:table_task_resources on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'table learnplan.task_resources',
  array[
    'column id uuid not null default gen_random_uuid()',
    'column task_id uuid not null',
    'column resource_id uuid not null',
    'column "order" integer not null',
    'column notes text',
    'column created_at timestamp with time zone not null default now()',
    'constraint task_resources_pkey PRIMARY KEY (id)',
    'index UNIQUE INDEX task_resources_pkey ON learnplan.task_resources USING btree (id)',
    'constraint task_resources_task_id_fkey FOREIGN KEY (task_id) REFERENCES learnplan.tasks(id) ON DELETE CASCADE',
    'constraint task_resources_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES learnplan.resources(id) ON DELETE CASCADE',
    'constraint task_resources_task_id_resource_id_key UNIQUE (task_id, resource_id)',
    'index UNIQUE INDEX task_resources_task_id_resource_id_key ON learnplan.task_resources USING btree (task_id, resource_id)',
    'constraint task_resources_order_min CHECK (("order" >= 1))',
    'index INDEX idx_task_resources_task_id ON learnplan.task_resources USING btree (task_id)',
    'index INDEX idx_task_resources_resource_id ON learnplan.task_resources USING btree (resource_id)'
  ],
  array(
    select learnplan_private.describe_relation('learnplan.task_resources', 'column', 'constraint', 'index')
  )
);

rollback;
