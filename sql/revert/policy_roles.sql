-- Revert learnplan-db:policy_roles from pg
-- GENERATED from policies/roles.sql.j2 (28929cf93945); edit, then: learnplan-db render

begin;

revoke usage on schema learnplan
from authenticated, service_role;

commit;
