-- Deploy learnplan-db:column_tasks_difficulty to pg
-- requires: table_tasks
--
-- A constant default is kept in the catalog, so no row is written. The check holds for new rows
-- from here on; the next change looks at the old ones, under a weaker lock.

begin;

alter table learnplan.tasks
  add column difficulty text not null default 'normal',
  add constraint tasks_difficulty_known
    check (difficulty in ('easy', 'normal', 'hard')) not valid;

commit;
