-- Partitions learnplan.plan_generations by the month of created_at; the rows there stay where they
-- are, as one partition of all that is past.
--
-- psql -v until=2027-01-01 -f partition_plan_generations.sql DATABASE, as a superuser. "until" is
-- the first of a month to come: up to there the old table goes on, from there on months begin.
-- The two long steps, an index and a look at all rows, stop nobody.
--
-- Partitions live in a schema that no caller may use, with row security of their own and no
-- policy. The service's right to set created_at is given on each partition too, because the
-- trigger asks it of the table that the row lands in.

\set ON_ERROR_STOP on
\ir carry_over.sql

create unique index concurrently plan_generations_past_pkey
  on learnplan.plan_generations (id, created_at);
alter table learnplan.plan_generations
  add constraint plan_generations_past check (created_at < :'until') not valid;
alter table learnplan.plan_generations validate constraint plan_generations_past;

begin;
set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '2s';
lock table learnplan.learning_plans in share row exclusive mode;
lock table learnplan.plan_generations in access exclusive mode;

-- No caller has rights in it, and drift does not look at it: its name is not in the plan.
select format(
  'create schema learnplan_partitions authorization %I', pg_get_userbyid(relowner))
from pg_class
where oid = 'learnplan.plan_generations'::regclass
  and to_regnamespace('learnplan_partitions') is null
\gexec

create temporary table carried on commit drop as
select * from pg_temp.what_hangs_on('learnplan.plan_generations');

alter table learnplan.plan_generations drop constraint plan_generations_pkey;
alter table learnplan.plan_generations rename to plan_generations_past;
alter table learnplan.plan_generations_past set schema learnplan_partitions;
alter index learnplan_partitions.idx_plan_generations_plan_id
  rename to idx_plan_generations_past_plan_id;
alter table learnplan_partitions.plan_generations_past
  add constraint plan_generations_past_pkey primary key using index plan_generations_past_pkey;

create table learnplan.plan_generations (
  like learnplan_partitions.plan_generations_past including defaults
) partition by range (created_at);
alter table learnplan.plan_generations
  add constraint plan_generations_pkey primary key (id, created_at),
  add constraint plan_generations_plan_id_fkey foreign key (plan_id)
    references learnplan.learning_plans (id) on delete cascade;
create index idx_plan_generations_plan_id on learnplan.plan_generations (plan_id);
alter table learnplan.plan_generations enable row level security;
alter table learnplan.plan_generations force row level security;

-- The parent brings its trigger, and what a policy says is asked of the parent.
drop trigger _100_stamp_created_at on learnplan_partitions.plan_generations_past;
select format('drop policy %I on learnplan_partitions.plan_generations_past', polname)
from pg_policy
where polrelid = 'learnplan_partitions.plan_generations_past'::regclass
\gexec
alter table learnplan.plan_generations
  attach partition learnplan_partitions.plan_generations_past
  for values from (minvalue) to (:'until');

select format(
  'create table learnplan_partitions.plan_generations_%s partition of learnplan.plan_generations '
  'for values from (%L) to (%L)',
  to_char(month, 'YYYY_MM'), month, month + interval '1 month')
from generate_series(0, 11) as n
cross join lateral (select :'until'::timestamptz + n * interval '1 month' as month) as m
\gexec
create table learnplan_partitions.plan_generations_later
  partition of learnplan.plan_generations default;

select statement from carried order by place
\gexec

select format('alter table %1$s owner to %2$I; '
  'alter table %1$s enable row level security; alter table %1$s force row level security; '
  'revoke all on %1$s from public, anon, authenticated, service_role; '
  'grant update (created_at) on %1$s to service_role',
  i.inhrelid::regclass, pg_get_userbyid(p.relowner))
from pg_inherits as i
inner join pg_class as p on p.oid = i.inhparent
where p.oid = 'learnplan.plan_generations'::regclass
\gexec

commit;
