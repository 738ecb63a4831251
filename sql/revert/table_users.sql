-- Revert learnplan-db:table_users from pg
--
-- Drops all users.

begin;

drop table learnplan.users;

commit;
