-- Revert learnplan-db:table_resources from pg
--
-- Drops the catalog.

begin;

drop table learnplan.resources;

commit;
