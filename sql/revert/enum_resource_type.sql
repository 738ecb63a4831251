-- Revert learnplan-db:enum_resource_type from pg

begin;

drop type learnplan.resource_type;

commit;
