-- Deploy learnplan-db:function_current_verified_email to pg
-- requires: function_current_claims
-- requires: function_assert_same
-- requires: function_describe_function
--
-- The address counts only beside email_verified = true, the JSON boolean: the string "true"
-- does not.
-- Source: outline, table 1, insert; row security facts, 2.2.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan.current_verified_email()
returns text
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claims jsonb := learnplan.current_claims();
begin
  if v_claims -> 'email_verified' = 'true'::jsonb
    and jsonb_typeof(v_claims -> 'email') = 'string'
  then
    return nullif(v_claims ->> 'email', '');
  end if;
  return null;
end
$$;

comment on function learnplan.current_verified_email() is
  'The e-mail address of the caller if the identity provider verified it, else null.';

revoke all on function learnplan.current_verified_email() from public;

commit;
