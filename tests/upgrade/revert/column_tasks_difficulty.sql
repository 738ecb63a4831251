-- Revert learnplan-db:column_tasks_difficulty from pg
--
-- Drops the difficulty of every task.

begin;

alter table learnplan.tasks drop column difficulty;

commit;
