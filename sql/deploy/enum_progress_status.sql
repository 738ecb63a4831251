-- Deploy learnplan-db:enum_progress_status to pg
-- requires: schema_learnplan
-- requires: function_assert_same
--
-- How far a user is with a task. Values stand in the order in which they are compared.
-- Source: outline, enums.

begin;
set local search_path = pg_catalog, pg_temp;

create type learnplan.progress_status as enum ('not_started', 'in_progress', 'completed');

comment on type learnplan.progress_status is
  'How far a user is with a task: not_started, then in_progress, then completed.';

commit;
