-- Verify learnplan-db:table_task_notes on pg

begin;

select id, task_id, body, created_at from learnplan.task_notes where false;

rollback;
