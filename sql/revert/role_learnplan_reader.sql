-- Revert learnplan-db:role_learnplan_reader from pg
--
-- The role stays: it belongs to the whole cluster, and another database may use it.

begin;
set local search_path = pg_catalog, pg_temp;

revoke usage on schema learnplan from learnplan_reader;

commit;
