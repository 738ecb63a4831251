-- Verify learnplan-db:table_learning_plans on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'table learnplan.learning_plans',
  array[
    'column id uuid not null default gen_random_uuid()',
    'column user_id uuid not null',
    'column topic text not null',
    'column skill_level learnplan.skill_level not null',
    'column weekly_hours integer not null',
    'column learning_style learnplan.learning_style not null',
    'column start_date date',
    'column deadline_date date',
    'column visibility text not null default ''private''::text',
    'column origin text not null default ''ai''::text',
    'column created_at timestamp with time zone not null default now()',
    'column updated_at timestamp with time zone not null default now()',
    'constraint learning_plans_pkey PRIMARY KEY (id)',
    'index UNIQUE INDEX learning_plans_pkey ON learnplan.learning_plans USING btree (id)',
    'constraint learning_plans_user_id_fkey FOREIGN KEY (user_id) REFERENCES learnplan.users(id) ON DELETE CASCADE',
    'constraint learning_plans_weekly_hours_min CHECK ((weekly_hours >= 0))',
    'constraint learning_plans_visibility_allowed CHECK ((visibility = ANY (ARRAY[''private''::text, ''public''::text])))',
    'constraint learning_plans_origin_allowed CHECK ((origin = ANY (ARRAY[''ai''::text, ''template''::text, ''manual''::text])))',
    'index INDEX idx_learning_plans_user_id ON learnplan.learning_plans USING btree (user_id)',
    'index INDEX idx_learning_plans_created_at_public ON learnplan.learning_plans USING btree (created_at DESC) WHERE (visibility = ''public''::text)'
  ],
  array(
    select line
    from learnplan_private.describe_relation('learnplan.learning_plans', 'column', 'constraint', 'index')
      as described (line)
    where line not like 'index INDEX idx_learning_plans_topic%' -- have changes of their own
  )
);

select learnplan_private.assert_same(
  'options of column learnplan.learning_plans.user_id',
  array['n_distinct=-0.1'],
  (
    select array(select option from unnest(attoptions) as option where not starts_with(option, 'pg_'))
    from pg_attribute
    where attrelid = 'learnplan.learning_plans'::regclass and attname = 'user_id'
  )
);

rollback;
