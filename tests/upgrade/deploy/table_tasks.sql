-- Deploy learnplan-db:table_tasks to pg
-- requires: table_tasks@v1.0.0
-- requires: validate_tasks_difficulty
-- requires: index_tasks_difficulty
--
-- Last of the changes of this table: from here on its verify script says the whole table again.

begin;

comment on column learnplan.tasks.difficulty is 'easy, normal or hard, as its owner finds it.';

commit;
