-- Revert learnplan-db:table_resources from pg
--
-- Drops the catalog.

begin;
set local search_path = pg_catalog, pg_temp;

drop table learnplan.resources;

commit;
