-- Deploy learnplan-db:role_learnplan_identity to pg
-- requires: schema_learnplan
-- requires: function_ensure_role
-- requires: function_assert_same
--
-- Owns current_user_id(), and may read two columns of users through one narrow policy: so even
-- a hijacked body would see only the row of the caller. Never a login, never a member of
-- anything.
-- Source: design, identity and policies.

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.ensure_role('learnplan_identity');

grant usage on schema learnplan to learnplan_identity;

commit;
