-- Revert learnplan-db:index_learning_plans_copied_from from pg
--
-- No transaction, so that nobody waits for the drop.

drop index concurrently learnplan.idx_learning_plans_copied_from;
