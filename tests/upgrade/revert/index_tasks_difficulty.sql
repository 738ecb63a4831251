-- Revert learnplan-db:index_tasks_difficulty from pg
--
-- No transaction, so that nobody waits for the drop.

drop index concurrently learnplan.idx_tasks_difficulty;
