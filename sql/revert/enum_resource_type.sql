-- Revert learnplan-db:enum_resource_type from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop type learnplan.resource_type;

commit;
