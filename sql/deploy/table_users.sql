-- Deploy learnplan-db:table_users to pg
-- requires: schema_learnplan
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- One row a person who signed up. The identity provider's id is unique but not the key, so
-- that a person can change provider and keep everything.
-- Source: outline, table 1.

begin;
set local search_path = pg_catalog, pg_temp;

create table learnplan.users (
  id                uuid         not null default gen_random_uuid(),
  clerk_user_id     text         not null,
  email             text         not null,
  name              text,
  subscription_tier text         default 'free',
  created_at        timestamptz  not null default now(),
  updated_at        timestamptz  not null default now(),

  constraint users_pkey                      primary key (id),
  constraint users_clerk_user_id_key         unique (clerk_user_id),
  constraint users_email_key                 unique (email),
  constraint users_subscription_tier_allowed check (subscription_tier in ('free', 'pro'))
);

comment on table learnplan.users is
  'People who signed up. Every other row hangs off one of them, except the resources.';
comment on column learnplan.users.clerk_user_id is
  'The subject ("sub") of the identity provider''s tokens.';
comment on column learnplan.users.subscription_tier is
  'Advisory until billing exists: free or pro, set by the system only.';

commit;
