-- Deploy learnplan-db:policy_task_progress to pg
-- requires: policy_task_progress@v1.0.0
-- GENERATED from policies/task_progress.sql.j2 (18edb740838f); edit, then: learnplan-db render
--
-- Who may do what with progress: everyone their own, on tasks they can read.
--
--              select              insert              update              delete
--   owner      own progress        readable tasks      own: status         own progress
--   stranger   own progress        public plans        own: status         own progress
--   anonymous  no                  no                  no                  no
--   service    all                 all                 all, not the keys   all
--
-- The owner of a plan does not see how far others are with it. Progress on a plan that turned
-- private stays its user's, to read, update and delete.
-- Source: outline, table 7.
begin;
set local search_path = pg_catalog, pg_temp;

-- What the version before has made.
drop policy task_progress_delete_service_role on learnplan.task_progress;
drop policy task_progress_update_service_role on learnplan.task_progress;
drop policy task_progress_insert_service_role on learnplan.task_progress;
drop policy task_progress_select_service_role on learnplan.task_progress;
revoke update (id, status, completed_at, updated_at, created_at) on learnplan.task_progress
from service_role;
revoke select, insert, delete on learnplan.task_progress
from service_role;
drop policy task_progress_delete_authenticated on learnplan.task_progress;
drop policy task_progress_update_authenticated on learnplan.task_progress;
drop policy task_progress_insert_authenticated on learnplan.task_progress;
drop policy task_progress_select_authenticated on learnplan.task_progress;
revoke update (status) on learnplan.task_progress
from authenticated;
revoke select, insert, delete on learnplan.task_progress
from authenticated;
alter table learnplan.task_progress no force row level security;
alter table learnplan.task_progress disable row level security;

alter table learnplan.task_progress enable row level security;
alter table learnplan.task_progress force row level security;

-- Default privileges of a host must not open what no rule opens.
revoke all on learnplan.task_progress
from public, anon, authenticated, service_role;

grant select, insert, delete on learnplan.task_progress to authenticated;
grant update (status) on learnplan.task_progress to authenticated;
-- no update of task_id or user_id for anybody: a row never changes whose progress it is
-- no update of completed_at: it follows the status

-- A user may read only their own progress.
create policy task_progress_select_authenticated on learnplan.task_progress
  for select to authenticated
  using (task_progress.user_id = (select learnplan.current_user_id()));
comment on policy task_progress_select_authenticated on learnplan.task_progress is
  'A user may read only their own progress.';

-- A user may create progress only for themselves and only for tasks they can read.
create policy task_progress_insert_authenticated on learnplan.task_progress
  for insert to authenticated
  with check (task_progress.user_id = (select learnplan.current_user_id())
    and learnplan_private.can_read_task(task_id, (select learnplan.current_user_id())));
comment on policy task_progress_insert_authenticated on learnplan.task_progress is
  'A user may create progress only for themselves and only for tasks they can read.';

-- A user may update only their own progress.
create policy task_progress_update_authenticated on learnplan.task_progress
  for update to authenticated
  using (task_progress.user_id = (select learnplan.current_user_id()))
  with check (task_progress.user_id = (select learnplan.current_user_id()));
comment on policy task_progress_update_authenticated on learnplan.task_progress is
  'A user may update only their own progress.';

-- A user may delete only their own progress.
create policy task_progress_delete_authenticated on learnplan.task_progress
  for delete to authenticated
  using (task_progress.user_id = (select learnplan.current_user_id()));
comment on policy task_progress_delete_authenticated on learnplan.task_progress is
  'A user may delete only their own progress.';

-- learnplan_reader answers the accessors, from these columns alone.
grant select (task_id, user_id, status) on learnplan.task_progress to learnplan_reader;

-- The accessors see the caller's own progress and no other.
create policy task_progress_select_reader on learnplan.task_progress
  for select to learnplan_reader
  using (task_progress.user_id = (select learnplan.current_user_id()));
comment on policy task_progress_select_reader on learnplan.task_progress is
  'The accessors see the caller''s own progress and no other.';

-- The system manages every row: signing up, generating plans, support.
grant select, insert, delete on learnplan.task_progress to service_role;
grant update (id, status, completed_at, updated_at, created_at) on learnplan.task_progress
to service_role;

create policy task_progress_select_service_role on learnplan.task_progress
  for select to service_role
  using (true);
comment on policy task_progress_select_service_role on learnplan.task_progress is
  'The service may read all rows.';

create policy task_progress_insert_service_role on learnplan.task_progress
  for insert to service_role
  with check (true);
comment on policy task_progress_insert_service_role on learnplan.task_progress is
  'The service may insert any row.';

create policy task_progress_update_service_role on learnplan.task_progress
  for update to service_role
  using (true)
  with check (true);
comment on policy task_progress_update_service_role on learnplan.task_progress is
  'The service may update any row.';

create policy task_progress_delete_service_role on learnplan.task_progress
  for delete to service_role
  using (true);
comment on policy task_progress_delete_service_role on learnplan.task_progress is
  'The service may delete any row.';

commit;
