-- Revert learnplan-db:enum_skill_level from pg

begin;

drop type learnplan.skill_level;

commit;
