-- Deploy learnplan-db:table_learning_plans to pg
-- requires: schema_learnplan
-- requires: enum_skill_level
-- requires: enum_learning_style
-- requires: table_users
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- One row a plan that somebody owns. visibility and origin are text with a check rather than
-- enums: under row security a filter may use an index only if its operator is leakproof, and
-- enum equality is not.
-- Source: outline, table 2; design, tables.

begin;
set local search_path = pg_catalog, pg_temp;

create table learnplan.learning_plans (
  id             uuid                      not null default gen_random_uuid(),
  user_id        uuid                      not null,
  topic          text                      not null,
  skill_level    learnplan.skill_level     not null,
  weekly_hours   integer                   not null,
  learning_style learnplan.learning_style  not null,
  start_date     date,
  deadline_date  date,
  visibility     text                      not null default 'private',
  origin         text                      not null default 'ai',
  created_at     timestamptz               not null default now(),
  updated_at     timestamptz               not null default now(),

  constraint learning_plans_pkey               primary key (id),
  constraint learning_plans_user_id_fkey       foreign key (user_id)
    references learnplan.users (id) on delete cascade,
  constraint learning_plans_weekly_hours_min   check (weekly_hours >= 0),
  constraint learning_plans_visibility_allowed check (visibility in ('private', 'public')),
  constraint learning_plans_origin_allowed     check (origin in ('ai', 'template', 'manual'))
);

create index idx_learning_plans_user_id on learnplan.learning_plans (user_id);

-- Browsing public plans, newest first, must not cost more when private plans grow.
create index idx_learning_plans_created_at_public on learnplan.learning_plans (created_at desc)
  where visibility = 'public';

comment on table learnplan.learning_plans is
  'Plans to learn a topic. The owner decides who reads one: nobody else, or anyone signed in.';
comment on column learnplan.learning_plans.weekly_hours is
  'Hours a week the learner has; weekly_hours() maps the ranges that the UI offers.';
comment on column learnplan.learning_plans.visibility is
  'private: the owner only. public: anyone signed in may read the plan and what is under it.';
comment on column learnplan.learning_plans.origin is
  'How the plan came to be: ai, template or manual.';

commit;
