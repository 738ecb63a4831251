-- Deploy learnplan-db:enum_learning_style to pg
-- requires: schema_learnplan
-- requires: function_assert_same
--
-- How the learner prefers to learn. Values stand in the order in which they are compared.
-- Source: outline, enums.

begin;
set local search_path = pg_catalog, pg_temp;

create type learnplan.learning_style as enum ('reading', 'video', 'practice', 'mixed');

comment on type learnplan.learning_style is
  'How the learner prefers to learn: reading, video, practice, or mixed for all of them.';

commit;
