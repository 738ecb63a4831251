-- Revert learnplan-db:validate_tasks_difficulty from pg
--
-- Nothing to take back: that the rows were looked at loses no row.

begin;

commit;
