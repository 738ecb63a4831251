-- Deploy learnplan-db:column_learning_plans_copied_from to pg
-- requires: table_learning_plans
--
-- The key is said with its column: null for every row that is there, it is valid without a look
-- at any. An owner under forced row security could not have looked: it sees no row.

begin;

alter table learnplan.learning_plans
  add column copied_from uuid
    constraint learning_plans_copied_from_fkey
    references learnplan.learning_plans (id) on delete set null;

commit;
