-- Deploy learnplan-db:index_learning_plans_topic to pg
-- requires: index_learning_plans_topic@v1.0.0
-- requires: index_learning_plans_topic_public
--
-- Searching goes through idx_learning_plans_topic_public now. The service, which may search all
-- plans, reads them one by one for it.
-- Source: ADR 0016.

begin;
set local search_path = pg_catalog, pg_temp;

-- Nothing is built here, so the lock is held for a moment, and a wait for it is bounded.
-- squawk-ignore require-concurrent-index-deletion
drop index if exists learnplan.idx_learning_plans_topic;

commit;
