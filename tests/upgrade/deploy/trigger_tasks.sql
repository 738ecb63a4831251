-- Deploy learnplan-db:trigger_tasks to pg
-- requires: trigger_tasks@v1.0.0
--
-- No function is called for a row that says it already.
-- "or replace" stops writers for a moment; drop and create would stop readers too.

begin;

create or replace trigger _100_stamp_created_at
  before insert on learnplan.tasks
  for each row
  when (new.created_at is distinct from now())
  execute function learnplan_private.tg__stamp_created_at();

commit;
