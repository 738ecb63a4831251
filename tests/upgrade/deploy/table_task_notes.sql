-- Deploy learnplan-db:table_task_notes to pg
-- requires: table_tasks
--
-- Two changes, so that nothing but writers of tasks waits, and for one lock: a foreign key stops
-- writers of the table that it names, and a second one would hold the first lock meanwhile.
-- Nobody may see a note before the next change says who.

begin;

create table learnplan.task_notes (
  id         uuid        not null default gen_random_uuid(),
  task_id    uuid        not null,
  body       text        not null,
  created_at timestamptz not null default now(),

  constraint task_notes_pkey         primary key (id),
  constraint task_notes_task_id_fkey foreign key (task_id)
    references learnplan.tasks (id) on delete cascade
);

create index idx_task_notes_task_id on learnplan.task_notes (task_id);

comment on table learnplan.task_notes is 'What the owner of a plan notes on a task.';

alter table learnplan.task_notes enable row level security;
alter table learnplan.task_notes force row level security;

commit;
