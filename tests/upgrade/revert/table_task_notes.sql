-- Revert learnplan-db:table_task_notes from pg
--
-- Drops all notes.

begin;

drop table learnplan.task_notes;

commit;
