-- Revert learnplan-db:table_users from pg
--
-- Drops all users.

begin;
set local search_path = pg_catalog, pg_temp;

drop table learnplan.users;

commit;
