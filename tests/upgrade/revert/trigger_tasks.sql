-- Revert learnplan-db:trigger_tasks from pg

begin;

create or replace trigger _100_stamp_created_at
  before insert on learnplan.tasks
  for each row execute function learnplan_private.tg__stamp_created_at();

commit;
