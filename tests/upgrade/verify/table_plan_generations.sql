-- Verify learnplan-db:table_plan_generations on pg

begin;

select learnplan_private.assert_same(
  'table learnplan.plan_generations',
  array[
    'column id uuid not null default gen_random_uuid()',
    'column plan_id uuid not null',
    'column model text not null',
    'column prompt jsonb not null',
    'column parameters jsonb',
    'column output_summary jsonb',
    'column created_at timestamp with time zone not null default now()',
    'column prompt_length integer',
    'constraint plan_generations_pkey PRIMARY KEY (id)',
    'index UNIQUE INDEX plan_generations_pkey ON learnplan.plan_generations USING btree (id)',
    'constraint plan_generations_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES learnplan.learning_plans(id) ON DELETE CASCADE',
    'index INDEX idx_plan_generations_plan_id ON learnplan.plan_generations USING btree (plan_id)'
  ],
  array(
    select learnplan_private.describe_relation('learnplan.plan_generations', 'column', 'constraint', 'index')
  )
);

rollback;
