-- Verify learnplan-db:table_task_progress on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'table learnplan.task_progress',
  array[
    'column id uuid not null default gen_random_uuid()',
    'column task_id uuid not null',
    'column user_id uuid not null',
    'column status learnplan.progress_status not null default ''not_started''::learnplan.progress_status',
    'column completed_at timestamp with time zone',
    'column updated_at timestamp with time zone not null default now()',
    'column created_at timestamp with time zone not null default now()',
    'constraint task_progress_pkey PRIMARY KEY (id)',
    'index UNIQUE INDEX task_progress_pkey ON learnplan.task_progress USING btree (id)',
    'constraint task_progress_task_id_fkey FOREIGN KEY (task_id) REFERENCES learnplan.tasks(id) ON DELETE CASCADE',
    'constraint task_progress_user_id_fkey FOREIGN KEY (user_id) REFERENCES learnplan.users(id) ON DELETE CASCADE',
    'constraint task_progress_task_id_user_id_key UNIQUE (task_id, user_id)',
    'index UNIQUE INDEX task_progress_task_id_user_id_key ON learnplan.task_progress USING btree (task_id, user_id)',
    'constraint task_progress_completed_at_iff_completed CHECK (((status = ''completed''::learnplan.progress_status) = (completed_at IS NOT NULL)))',
    'index INDEX idx_task_progress_user_id ON learnplan.task_progress USING btree (user_id)',
    'index INDEX idx_task_progress_task_id ON learnplan.task_progress USING btree (task_id)'
  ],
  array(
    select learnplan_private.describe_relation('learnplan.task_progress', 'column', 'constraint', 'index')
  )
);

select learnplan_private.assert_same(
  'options of column learnplan.task_progress.task_id',
  array['n_distinct=-0.1'],
  (
    select array(select option from unnest(attoptions) as option where not starts_with(option, 'pg_'))
    from pg_attribute
    where attrelid = 'learnplan.task_progress'::regclass and attname = 'task_id'
  )
);

rollback;
