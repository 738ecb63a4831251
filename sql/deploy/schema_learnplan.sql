-- Deploy learnplan-db:schema_learnplan to pg
--
-- Everything an application may name lives here. Nobody gets a right on it yet: policy_roles
-- grants them.
-- Source: design, names in the database.

begin;

create schema learnplan;

comment on schema learnplan is
  'Learning plans: tables, enums, views and functions that applications may use.';

commit;
