-- Revert learnplan-db:policy_roles from pg
-- GENERATED from policies/roles.sql.j2 (c1a1f6b67048); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

revoke usage on schema learnplan
from authenticated, service_role;

commit;
