-- Deploy learnplan-db:schema_learnplan to pg
--
-- Everything an application may name lives here. Nobody gets a right on it yet: policy_roles
-- grants them. Like every script it takes no name from the caller's search_path, in which an
-- extension (orafce) or an intruder may have put others first.
-- An administrator may have made the schema, empty, for a deployer who may make none.
-- Source: design, names in the database.

begin;
set local search_path = pg_catalog, pg_temp;

do $$
begin
  if to_regnamespace('learnplan') is null then
    if not has_database_privilege(current_database(), 'CREATE') then
      raise exception '% may not create schema "learnplan"', current_user
        using errcode = 'insufficient_privilege',
          hint = format(
            'An administrator can run: create schema learnplan authorization %I;', current_user);
    end if;
    create schema learnplan;
  elsif not (
    select pg_has_role(nspowner, 'USAGE')
    from pg_catalog.pg_namespace
    where nspname = 'learnplan'
  ) then
    raise exception 'schema "learnplan" is somebody else''s'
      using errcode = 'insufficient_privilege',
        hint = format(
          'An administrator can run: alter schema learnplan owner to %I;', current_user);
  elsif exists (
    select from pg_catalog.pg_depend
    where refclassid = 'pg_catalog.pg_namespace'::regclass
      and refobjid = to_regnamespace('learnplan')
      and classid <> 'pg_catalog.pg_default_acl'::regclass
  ) then
    raise exception 'schema "learnplan" is there, and not empty'
      using errcode = 'duplicate_schema',
        hint = 'Look whose it is, and move what is in it, or deploy to another database.';
  end if;
end
$$;

comment on schema learnplan is
  'Learning plans: tables, enums, views and functions that applications may use.';

commit;
