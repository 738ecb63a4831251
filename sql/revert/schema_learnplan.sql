-- Revert learnplan-db:schema_learnplan from pg

begin;

drop schema learnplan;

commit;
