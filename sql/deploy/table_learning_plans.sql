-- Deploy learnplan-db:table_learning_plans to pg
-- requires: table_learning_plans@v1.0.0
--
-- Most users have a few plans and some have hundreds, and the average misleads: where it is below
-- three, PostgreSQL looked for one plan by going through all plans of the user who asks. So it is
-- told ten. ANALYZE makes it true at once, for that column alone; neither stops readers or writers.
-- Source: ADR 0015.

begin;
set local search_path = pg_catalog, pg_temp;

alter table learnplan.learning_plans alter column user_id set (n_distinct = -0.1);

analyze learnplan.learning_plans (user_id);

commit;
