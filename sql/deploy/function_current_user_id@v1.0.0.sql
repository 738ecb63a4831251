-- Deploy learnplan-db:function_current_user_id to pg
-- requires: table_users
-- requires: role_learnplan_identity
-- requires: function_current_claims
-- requires: function_hand_over
-- requires: function_assert_same
-- requires: function_describe_function
--
-- The claim user_id if the token carries it, else the user whose clerk_user_id is the claim
-- sub, else null, and null sees nothing. Runs as learnplan_identity, which row security lets
-- read just that one row. plpgsql, since PostgreSQL 15 would plan an SQL body anew for each
-- statement.
-- Source: design, identity; row security facts, 3.2.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan.current_user_id()
returns uuid
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claims  jsonb := learnplan.current_claims();
  v_user_id text := v_claims ->> 'user_id';
begin
  if v_user_id is not null then
    if v_user_id !~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then
      raise exception 'claim "user_id" in setting "request.jwt.claims" is not a uuid'
        using errcode = 'LPCLM',
          hint = 'Put the id of the users row into the token, or leave the claim out.';
    end if;
    return v_user_id::uuid;
  end if;

  if jsonb_typeof(v_claims -> 'sub') = 'string' then
    return (select u.id from learnplan.users as u where u.clerk_user_id = v_claims ->> 'sub');
  end if;
  return null;
end
$$;

comment on function learnplan.current_user_id() is
  'The id of the user who is asking, or null for nobody. In a policy, wrap calls in a sub-select.';

revoke all on function learnplan.current_user_id() from public;

select learnplan_private.hand_over('learnplan.current_user_id()', 'learnplan_identity');

commit;
