-- The three logins of a host, made once, when the volume of the database is empty.
--
-- None is a superuser. "deployer" owns the database, and makes the roles of the plan that
-- are missing. What serves users ("app") and what serves the system ("service") are two
-- logins, since a login in both could leave any policy with RESET ROLE.
-- Source: docs/containers.md.

\set ON_ERROR_STOP on
\getenv deployer_password DEPLOYER_PASSWORD
\getenv app_password APP_PASSWORD
\getenv service_password SERVICE_PASSWORD

begin;

create role anon nologin;
create role authenticated nologin;
create role service_role nologin;

create role deployer login createrole password :'deployer_password';
create role app login password :'app_password' in role anon, authenticated;
create role service login password :'service_password' in role service_role;

do $$
begin
  execute format('alter database %I owner to deployer', current_database());
end
$$;

commit;
