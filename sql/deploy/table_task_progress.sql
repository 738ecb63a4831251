-- Deploy learnplan-db:table_task_progress to pg
-- requires: table_task_progress@v1.0.0
--
-- Most tasks are one person's, and those of a popular public plan are thousands'. By the average
-- PostgreSQL took the index of tasks for as good as the key, and read everybody's progress on the
-- task to find one's own. So it is told ten. ANALYZE makes it true at once, for that column alone;
-- neither stops readers or writers.
-- Source: ADR 0015.

begin;
set local search_path = pg_catalog, pg_temp;

alter table learnplan.task_progress alter column task_id set (n_distinct = -0.1);

analyze learnplan.task_progress (task_id);

commit;
