-- Deploy learnplan-db:function_current_user_id to pg
-- requires: function_current_user_id@v1.0.0
--
-- The claim user_id if the token carries it, else the user whose clerk_user_id is the claim
-- sub, else null, and null sees nothing. Runs as learnplan_identity, which row security lets
-- read just that one row. plpgsql, since PostgreSQL 15 would plan an SQL body anew for each
-- statement.
--
-- Every statement asks, so claims that are plainly an object are read here: a call of
-- current_claims() costs as much as the reading. It answers for all others, and says what is
-- wrong with them. PostgreSQL 15 cannot test JSON; there, plain is what holds scalars and lists
-- of integers. The pattern is in dollars, as those of current_claims() are.
-- Source: design, identity; row security facts, 3.2.

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.borrow_role('learnplan_identity');

create or replace function learnplan.current_user_id()
returns uuid
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_raw     text := current_setting('request.jwt.claims', true);
  v_claims  jsonb;
  v_user_id text;
  v_sub     text;
  v_answer  uuid;
begin
  if v_raw is null or v_raw = '' then
    return null;
  end if;

  if current_setting('server_version_num')::integer >= 160000 then
    if pg_input_is_valid(v_raw, 'jsonb') then
      v_claims := v_raw::jsonb;
    end if;
  elsif octet_length(v_raw) < 100000 and v_raw like '%}' and v_raw ~ (
    $re$^\{(?:"[^"\\\u0001-\u001f]*": ?(?:"[^"\\\u0001-\u001f]*"|true|false|null|$re$
    || $re$0|-?[1-9][0-9]*|\[(?:(?:0|-?[1-9][0-9]*), ?)*(?:0|-?[1-9][0-9]*)\])(?:, ?|\}\Z))+\Z$re$
  ) then
    v_claims := v_raw::jsonb;
  end if;
  if jsonb_typeof(v_claims) is distinct from 'object' then
    v_claims := learnplan.current_claims();
  end if;

  v_user_id := v_claims ->> 'user_id';
  if v_user_id is not null then
    -- 32 digits and four hyphens in their places; a pattern for all of it costs five times that.
    if v_user_id not like '________-____-____-____-____________'
      or v_user_id ~ '[^0-9a-fA-F-]'
      or length(replace(v_user_id, '-', '')) <> 32
    then
      raise exception 'claim "user_id" in setting "request.jwt.claims" is not a uuid'
        using errcode = 'LPCLM',
          hint = 'Put the id of the users row into the token, or leave the claim out.';
    end if;
    return v_user_id::uuid;
  end if;

  if jsonb_typeof(v_claims -> 'sub') = 'string' then
    v_sub := v_claims ->> 'sub';
    select u.id into v_answer from learnplan.users as u where u.clerk_user_id = v_sub;
  end if;
  return v_answer;
end
$$;

comment on function learnplan.current_user_id() is
  'The id of the user who is asking, or null for nobody. In a policy, wrap calls in a sub-select.';

select learnplan_private.return_role('learnplan_identity');

commit;
