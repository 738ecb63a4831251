-- Deploy learnplan-db:table_task_progress to pg
-- requires: schema_learnplan
-- requires: enum_progress_status
-- requires: table_tasks
-- requires: table_users
-- requires: function_assert_same
-- requires: function_describe_relation
--
-- One row a user and task, and no row before the user starts. completed_at is there exactly
-- when the task is completed: a trigger sets it, the check holds it.
-- Source: outline, table 7.

begin;
set local search_path = pg_catalog, pg_temp;

create table learnplan.task_progress (
  id           uuid                       not null default gen_random_uuid(),
  task_id      uuid                       not null,
  user_id      uuid                       not null,
  status       learnplan.progress_status  not null default 'not_started',
  completed_at timestamptz,
  updated_at   timestamptz                not null default now(),
  created_at   timestamptz                not null default now(),

  constraint task_progress_pkey                       primary key (id),
  constraint task_progress_task_id_fkey               foreign key (task_id)
    references learnplan.tasks (id) on delete cascade,
  constraint task_progress_user_id_fkey               foreign key (user_id)
    references learnplan.users (id) on delete cascade,
  constraint task_progress_task_id_user_id_key        unique (task_id, user_id),
  constraint task_progress_completed_at_iff_completed check (
    (status = 'completed') = (completed_at is not null)
  )
);

create index idx_task_progress_user_id on learnplan.task_progress (user_id);

create index idx_task_progress_task_id on learnplan.task_progress (task_id);

comment on table learnplan.task_progress is
  'How far each user is with each task. Progress of modules and plans is computed from it.';
comment on column learnplan.task_progress.completed_at is
  'When the task was completed; null in any other status.';

commit;
