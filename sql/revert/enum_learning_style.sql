-- Revert learnplan-db:enum_learning_style from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop type learnplan.learning_style;

commit;
