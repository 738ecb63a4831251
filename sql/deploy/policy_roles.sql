-- Deploy learnplan-db:policy_roles to pg
-- requires: schema_learnplan
-- requires: function_ensure_role
-- requires: function_assert_same
-- GENERATED from policies/roles.sql.j2 (c1a1f6b67048); edit, then: learnplan-db render
--
-- The three kinds of callers. An existing role is left as it is, a missing one is made NOLOGIN;
-- none is ever dropped, since roles belong to the whole cluster.
-- Source: design, names in the database.

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.ensure_role('anon');
select learnplan_private.ensure_role('authenticated');
select learnplan_private.ensure_role('service_role');

-- Default privileges of a host must not open what no rule opens.
revoke all on schema learnplan, learnplan_private
from public, anon, authenticated, service_role;

grant usage on schema learnplan to authenticated, service_role;
-- no usage for anon beyond that: anonymous callers read nothing
-- no usage on learnplan_private for anybody: policies call the helpers by their identity

commit;
