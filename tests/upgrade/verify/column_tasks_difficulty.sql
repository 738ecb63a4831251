-- Verify learnplan-db:column_tasks_difficulty on pg

begin;

select difficulty from learnplan.tasks where false;

rollback;
