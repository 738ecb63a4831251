-- Deploy learnplan-db:index_tasks_difficulty to pg
-- requires: column_tasks_difficulty
--
-- No transaction: an index is built beside readers and writers only outside of one.

create index concurrently idx_tasks_difficulty on learnplan.tasks (difficulty, module_id);
