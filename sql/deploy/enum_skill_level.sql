-- Deploy learnplan-db:enum_skill_level to pg
-- requires: schema_learnplan
-- requires: function_assert_same
--
-- How much the learner knows of the topic already. Values stand in the order in which they are
-- compared.
-- Source: outline, enums.

begin;
set local search_path = pg_catalog, pg_temp;

create type learnplan.skill_level as enum ('beginner', 'intermediate', 'advanced');

comment on type learnplan.skill_level is
  'How much the learner knows of the topic: beginner, intermediate or advanced.';

commit;
