-- Deploy learnplan-db:schema_learnplan_private to pg
--
-- Trigger functions, security-definer helpers and what the verify scripts use. No API role may
-- use it: a policy runs the helpers by their identity, so callers need no right on the schema.
-- An administrator may have made the schema, empty, for a deployer who may make none.
-- Source: design, names in the database.

begin;
set local search_path = pg_catalog, pg_temp;

do $$
begin
  if to_regnamespace('learnplan_private') is null then
    if not has_database_privilege(current_database(), 'CREATE') then
      raise exception '% may not create schema "learnplan_private"', current_user
        using errcode = 'insufficient_privilege',
          hint = format(
            'An administrator can run: create schema learnplan_private authorization %I;', current_user);
    end if;
    create schema learnplan_private;
  elsif not (
    select pg_has_role(nspowner, 'USAGE')
    from pg_catalog.pg_namespace
    where nspname = 'learnplan_private'
  ) then
    raise exception 'schema "learnplan_private" is somebody else''s'
      using errcode = 'insufficient_privilege',
        hint = format(
          'An administrator can run: alter schema learnplan_private owner to %I;', current_user);
  elsif exists (
    select from pg_catalog.pg_depend
    where refclassid = 'pg_catalog.pg_namespace'::regclass
      and refobjid = to_regnamespace('learnplan_private')
      and classid <> 'pg_catalog.pg_default_acl'::regclass
  ) then
    raise exception 'schema "learnplan_private" is there, and not empty'
      using errcode = 'duplicate_schema',
        hint = 'Look whose it is, and move what is in it, or deploy to another database.';
  end if;
end
$$;

comment on schema learnplan_private is
  'Internals of learnplan. No API role has USAGE here, so nothing can be called by name.';

commit;
