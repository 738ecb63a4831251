-- Verify learnplan-db:table_modules on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'table learnplan.modules',
  array[
    'column id uuid not null default gen_random_uuid()',
    'column plan_id uuid not null',
    'column "order" integer not null',
    'column title text not null',
    'column description text',
    'column estimated_minutes integer not null',
    'column created_at timestamp with time zone not null default now()',
    'column updated_at timestamp with time zone not null default now()',
    'constraint modules_pkey PRIMARY KEY (id)',
    'index UNIQUE INDEX modules_pkey ON learnplan.modules USING btree (id)',
    'constraint modules_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES learnplan.learning_plans(id) ON DELETE CASCADE',
    'constraint idx_modules_plan_id_order UNIQUE (plan_id, "order")',
    'index UNIQUE INDEX idx_modules_plan_id_order ON learnplan.modules USING btree (plan_id, "order")',
    'constraint modules_order_min CHECK (("order" >= 1))',
    'constraint modules_estimated_minutes_min CHECK ((estimated_minutes >= 0))',
    'index INDEX idx_modules_plan_id ON learnplan.modules USING btree (plan_id)'
  ],
  array(
    select learnplan_private.describe_relation('learnplan.modules', 'column', 'constraint', 'index')
  )
);

rollback;
