-- Revert learnplan-db:table_modules from pg
--
-- Drops all modules.

begin;

drop table learnplan.modules;

commit;
