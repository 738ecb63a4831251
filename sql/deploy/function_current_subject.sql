-- Deploy learnplan-db:function_current_subject to pg
-- requires: function_current_claims
-- requires: function_assert_same
-- requires: function_describe_function
--
-- Only a JSON string that is not empty is a subject: null, a number or an array is nobody.
-- Source: design, identity.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan.current_subject()
returns text
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claims jsonb := learnplan.current_claims();
begin
  if jsonb_typeof(v_claims -> 'sub') = 'string' then
    return nullif(v_claims ->> 'sub', '');
  end if;
  return null;
end
$$;

comment on function learnplan.current_subject() is
  'The identity provider''s id of the caller (claim sub), or null.';

revoke all on function learnplan.current_subject() from public;

commit;
