-- Deploy learnplan-db:schema_learnplan_private to pg
--
-- Trigger functions, security-definer helpers and what the verify scripts use. No API role may
-- use it: a policy runs the helpers by their identity, so callers need no right on the schema.
-- Source: design, names in the database.

begin;

create schema learnplan_private;

comment on schema learnplan_private is
  'Internals of learnplan. No API role has USAGE here, so nothing can be called by name.';

commit;
