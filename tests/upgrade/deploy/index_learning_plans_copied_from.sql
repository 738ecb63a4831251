-- Deploy learnplan-db:index_learning_plans_copied_from to pg
-- requires: column_learning_plans_copied_from
--
-- No transaction. Without it each deleted plan would read all others for its copies.

create index concurrently idx_learning_plans_copied_from on learnplan.learning_plans (copied_from);
