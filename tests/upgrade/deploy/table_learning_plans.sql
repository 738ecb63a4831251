-- Deploy learnplan-db:table_learning_plans to pg
-- requires: table_learning_plans@v1.0.0
-- requires: index_learning_plans_copied_from
--
-- Last of the changes of this table: from here on its verify script says the whole table again.

begin;

comment on column learnplan.learning_plans.copied_from is
  'The plan of which this is a copy; null when it is none, or the other is gone.';

commit;
