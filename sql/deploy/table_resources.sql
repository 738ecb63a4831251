-- Deploy learnplan-db:table_resources to pg
-- requires: schema_learnplan
-- requires: enum_resource_type
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- One shared catalog, so that a video linked from a thousand tasks exists once. The domain is
-- computed from the url, so it cannot disagree with it, in lower case as ASCII is whatever the
-- database's locale; a url may hold no blank and no backslash, which browsers and parsers read
-- differently.
-- Source: outline, table 5; design, tables.

begin;
set local search_path = pg_catalog, pg_temp;

create table learnplan.resources (
  id               uuid                     not null default gen_random_uuid(),
  type             learnplan.resource_type  not null,
  title            text                     not null,
  url              text                     not null,
  domain           text                     generated always as (
    lower(substring(url from $re$^[^:]+://(?:[^/?#]*@)?(\[[^]]*\]|[^/?#:]+)$re$) collate "C")
  ) stored,
  author           text,
  duration_minutes integer,
  cost_cents       integer,
  currency         text,
  tags             text[]                   not null default '{}',
  created_at       timestamptz              not null default now(),

  constraint resources_pkey                 primary key (id),
  constraint resources_url_key              unique (url),
  constraint resources_url_format           check (url ~* $re$^https?://[^\s/?#\\]+[^\s\\]*$$re$),
  constraint resources_duration_minutes_min check (duration_minutes >= 0),
  constraint resources_cost_cents_min       check (cost_cents >= 0),
  constraint resources_currency_format      check (currency ~ '^[A-Z]{3}$')
);

create index idx_resources_type on learnplan.resources (type);

create index idx_resources_tags on learnplan.resources using gin (tags);

comment on table learnplan.resources is
  'The global catalog of things to learn from, shared by all plans and kept by the system.';
comment on column learnplan.resources.domain is
  'Host of the url in lower case, computed.';
comment on column learnplan.resources.cost_cents is
  'Price in hundredths of the currency; null when unknown, 0 when free.';
comment on column learnplan.resources.currency is
  'ISO 4217 code such as EUR.';

commit;
