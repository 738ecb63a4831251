-- Deploy learnplan-db:validate_tasks_difficulty to pg
-- requires: column_tasks_difficulty

begin;

alter table learnplan.tasks validate constraint tasks_difficulty_known;

commit;
