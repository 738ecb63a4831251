-- Verify learnplan-db:table_users on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'table learnplan.users',
  array[
    'column id uuid not null default gen_random_uuid()',
    'column clerk_user_id text not null',
    'column email text not null',
    'column name text',
    'column subscription_tier text default ''free''::text',
    'column created_at timestamp with time zone not null default now()',
    'column updated_at timestamp with time zone not null default now()',
    'constraint users_pkey PRIMARY KEY (id)',
    'index UNIQUE INDEX users_pkey ON learnplan.users USING btree (id)',
    'constraint users_clerk_user_id_key UNIQUE (clerk_user_id)',
    'index UNIQUE INDEX users_clerk_user_id_key ON learnplan.users USING btree (clerk_user_id)',
    'constraint users_email_key UNIQUE (email)',
    'index UNIQUE INDEX users_email_key ON learnplan.users USING btree (email)',
    'constraint users_subscription_tier_allowed CHECK ((subscription_tier = ANY (ARRAY[''free''::text, ''pro''::text])))'
  ],
  array(
    select learnplan_private.describe_relation('learnplan.users', 'column', 'constraint', 'index')
  )
);

rollback;
