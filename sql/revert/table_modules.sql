-- Revert learnplan-db:table_modules from pg
--
-- Drops all modules.

begin;
set local search_path = pg_catalog, pg_temp;

drop table learnplan.modules;

commit;
