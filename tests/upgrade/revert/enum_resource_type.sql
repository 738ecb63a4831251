-- Revert learnplan-db:enum_resource_type from pg
--
-- Leaves the value: PostgreSQL cannot drop it, and rows may hold it.

begin;

commit;
