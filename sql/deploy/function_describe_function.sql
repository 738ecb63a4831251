-- Deploy learnplan-db:function_describe_function to pg
-- requires: schema_learnplan_private
--
-- Everything about a function that a security review asks: result, language, volatility,
-- parallel safety, definer or invoker, settings, body, and the owner where it runs with the
-- owner's rights. The body is compared by its md5. Grants are policy_functions' business.
-- Source: PostgreSQL 15 to 18, pg_proc.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.describe_function(procedure regprocedure)
returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
set quote_all_identifiers = off
as $$
select unnest(array_remove(array[
  'arguments ' || pg_get_function_arguments(p.oid),
  'returns ' || pg_get_function_result(p.oid),
  'language ' || l.lanname,
  case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
  'parallel ' || case p.proparallel when 's' then 'safe' when 'r' then 'restricted'
    else 'unsafe' end,
  case when p.proisstrict then 'strict' end,
  case when p.proleakproof then 'leakproof' end,
  'security ' || case when p.prosecdef then 'definer' else 'invoker' end,
  -- Under quote_all_identifiers the very same path is stored with quotes.
  'set ' || replace(
    array_to_string(p.proconfig, '; '), '"pg_catalog", "pg_temp"', 'pg_catalog, pg_temp'),
  'body ' || md5(p.prosrc),
  case when p.prosecdef then 'owner ' || pg_get_userbyid(p.proowner) end
], null))
from pg_proc as p
inner join pg_language as l on l.oid = p.prolang
where p.oid = procedure
$$;

comment on function learnplan_private.describe_function(regprocedure) is
  'Describes a function in lines; verify scripts compare them.';

revoke all on function learnplan_private.describe_function(regprocedure) from public;

commit;
