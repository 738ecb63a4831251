-- Revert learnplan-db:schema_learnplan_private from pg

begin;

drop schema learnplan_private;

commit;
