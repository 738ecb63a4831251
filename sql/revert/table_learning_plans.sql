-- Revert learnplan-db:table_learning_plans from pg

begin;
set local search_path = pg_catalog, pg_temp;

alter table learnplan.learning_plans alter column user_id reset (n_distinct);

analyze learnplan.learning_plans (user_id);

commit;
