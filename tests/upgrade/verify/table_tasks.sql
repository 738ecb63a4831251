-- Verify learnplan-db:table_tasks on pg

begin;

select learnplan_private.assert_same(
  'table learnplan.tasks',
  array[
    'column id uuid not null default gen_random_uuid()',
    'column module_id uuid not null',
    'column "order" integer not null',
    'column title text not null',
    'column description text',
    'column estimated_minutes integer not null',
    'column created_at timestamp with time zone not null default now()',
    'column updated_at timestamp with time zone not null default now()',
    'column difficulty text not null default ''normal''::text',
    'constraint tasks_pkey PRIMARY KEY (id)',
    'index UNIQUE INDEX tasks_pkey ON learnplan.tasks USING btree (id)',
    'constraint tasks_module_id_fkey FOREIGN KEY (module_id) REFERENCES learnplan.modules(id) ON DELETE CASCADE',
    'constraint idx_tasks_module_id_order UNIQUE (module_id, "order")',
    'index UNIQUE INDEX idx_tasks_module_id_order ON learnplan.tasks USING btree (module_id, "order")',
    'constraint tasks_order_min CHECK (("order" >= 1))',
    'constraint tasks_estimated_minutes_min CHECK ((estimated_minutes >= 0))',
    'constraint tasks_difficulty_known CHECK ((difficulty = ANY (ARRAY[''easy''::text, ''normal''::text, ''hard''::text])))',
    'index INDEX idx_tasks_difficulty ON learnplan.tasks USING btree (difficulty, module_id)',
    'index INDEX idx_tasks_module_id ON learnplan.tasks USING btree (module_id)'
  ],
  array(
    select learnplan_private.describe_relation('learnplan.tasks', 'column', 'constraint', 'index')
  )
);

rollback;
