-- Partitions learnplan.task_progress by a hash of user_id, and moves its rows.
--
-- psql -v partitions=16 -f partition_task_progress.sql DATABASE, as a superuser (the owner sees
-- no row under forced row security). Writers and readers of the table wait until it is done:
-- docs/scaling.md says how long that takes, and how a subscription does it while all go on.
--
-- Partitions live in a schema that no caller may use, with row security of their own and no
-- policy: who comes past the parent finds nothing. The service's right to set the times is given
-- on each partition too, because triggers ask it of the table that the row lands in.

\set ON_ERROR_STOP on
\ir carry_over.sql

begin;
set local search_path = pg_catalog, pg_temp;
lock table learnplan.task_progress in access exclusive mode;

-- No caller has rights in it, and drift does not look at it: its name is not in the plan.
select format(
  'create schema learnplan_partitions authorization %I', pg_get_userbyid(relowner))
from pg_class
where oid = 'learnplan.task_progress'::regclass and to_regnamespace('learnplan_partitions') is null
\gexec

create temporary table carried on commit drop as
select * from pg_temp.what_hangs_on('learnplan.task_progress');

alter table learnplan.task_progress rename to task_progress_whole;
alter table learnplan.task_progress_whole set schema learnplan_partitions;
alter table learnplan_partitions.task_progress_whole
  rename constraint task_progress_pkey to task_progress_whole_pkey;
alter table learnplan_partitions.task_progress_whole
  rename constraint task_progress_task_id_user_id_key to task_progress_whole_key;
alter index learnplan_partitions.idx_task_progress_user_id
  rename to idx_task_progress_whole_user_id;
alter index learnplan_partitions.idx_task_progress_task_id
  rename to idx_task_progress_whole_task_id;

create table learnplan.task_progress (
  like learnplan_partitions.task_progress_whole including defaults including constraints
) partition by hash (user_id);

select format(
  'create table learnplan_partitions.task_progress_%s partition of learnplan.task_progress '
  'for values with (modulus %s, remainder %s)', n, :partitions, n)
from generate_series(0, :partitions - 1) as n
\gexec

insert into learnplan.task_progress select * from learnplan_partitions.task_progress_whole;

-- The key of the partitions must be part of every unique one.
alter table learnplan.task_progress
  add constraint task_progress_pkey primary key (id, user_id),
  add constraint task_progress_task_id_user_id_key unique (task_id, user_id),
  add constraint task_progress_task_id_fkey foreign key (task_id)
    references learnplan.tasks (id) on delete cascade,
  add constraint task_progress_user_id_fkey foreign key (user_id)
    references learnplan.users (id) on delete cascade;
create index idx_task_progress_user_id on learnplan.task_progress (user_id);
create index idx_task_progress_task_id on learnplan.task_progress (task_id);

alter table learnplan.task_progress enable row level security;
alter table learnplan.task_progress force row level security;

select statement from carried order by place
\gexec

select format('alter table %1$s owner to %2$I; '
  'alter table %1$s enable row level security; alter table %1$s force row level security; '
  'revoke all on %1$s from public, anon, authenticated, service_role; '
  'grant update (created_at, updated_at, completed_at) on %1$s to service_role',
  i.inhrelid::regclass, pg_get_userbyid(p.relowner))
from pg_inherits as i
inner join pg_class as p on p.oid = i.inhparent
where p.oid = 'learnplan.task_progress'::regclass
\gexec

drop table learnplan_partitions.task_progress_whole;
commit;

analyze learnplan.task_progress;
