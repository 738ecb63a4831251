-- Deploy learnplan-db:role_learnplan_reader to pg
-- requires: schema_learnplan
-- requires: function_ensure_role
-- requires: function_assert_same
--
-- Owns owns_plan() and its kin, which writes ask whether a parent belongs to the caller. May
-- read the ids, owners and visibility of plans, modules and tasks, and nothing else. Never a
-- login.
-- Source: design, identity and policies.

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.ensure_role('learnplan_reader');

grant usage on schema learnplan to learnplan_reader;

commit;
