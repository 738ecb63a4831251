-- Verify learnplan-db:table_resources on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'table learnplan.resources',
  array[
    'column id uuid not null default gen_random_uuid()',
    'column type learnplan.resource_type not null',
    'column title text not null',
    'column url text not null',
    $$column domain text generated lower(("substring"(url, '^[^:]+://(?:[^/?#]*@)?(\[[^]]*\]|[^/?#:]+)'::text) COLLATE "C"))$$,
    'column author text',
    'column duration_minutes integer',
    'column cost_cents integer',
    'column currency text',
    'column tags text[] not null default ''{}''::text[]',
    'column created_at timestamp with time zone not null default now()',
    'constraint resources_pkey PRIMARY KEY (id)',
    'index UNIQUE INDEX resources_pkey ON learnplan.resources USING btree (id)',
    'constraint resources_url_key UNIQUE (url)',
    'index UNIQUE INDEX resources_url_key ON learnplan.resources USING btree (url)',
    $$constraint resources_url_format CHECK ((url ~* '^https?://[^\s/?#\\]+[^\s\\]*$'::text))$$,
    'constraint resources_duration_minutes_min CHECK ((duration_minutes >= 0))',
    'constraint resources_cost_cents_min CHECK ((cost_cents >= 0))',
    'constraint resources_currency_format CHECK ((currency ~ ''^[A-Z]{3}$''::text))',
    'index INDEX idx_resources_type ON learnplan.resources USING btree (type)',
    'index INDEX idx_resources_tags ON learnplan.resources USING gin (tags)'
  ],
  array(
    select learnplan_private.describe_relation('learnplan.resources', 'column', 'constraint', 'index')
  )
);

rollback;
