-- Revert learnplan-db:enum_skill_level from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop type learnplan.skill_level;

commit;
