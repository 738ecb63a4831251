-- Deploy learnplan-db:function_current_claims to pg
-- requires: schema_learnplan
-- requires: function_assert_same
-- requires: function_describe_function
--
-- The server verifies the token and tells the database its claims, for one transaction. An
-- empty string, which SET LOCAL leaves behind after a pooled transaction, is no claims. What
-- is no JSON object is an error that does not repeat the text. No exception block: it would
-- fail inside a parallel query before 17; PostgreSQL 15 cannot test JSON without one, so there
-- the text is reduced by patterns until one value remains. They are in dollars, since a session
-- parses them for itself, and may have standard_conforming_strings off.
-- Source: design, identity; row security facts, 2.2.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan.current_claims()
returns jsonb
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_raw     text := nullif(current_setting('request.jwt.claims', true), '');
  v_rest    text;
  v_before  text;
  v_valid   boolean;
  v_string  constant text := $re$"(?:[^"\\\u0001-\u001f]|\\["\\/bfnrt]$re$
    || $re$|\\u(?!0000|[dD][89a-fA-F])[0-9a-fA-F]{4}$re$
    || $re$|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*"$re$;
  v_scalar  constant text := $re$\m(?:true|false|null)\M$re$
    || $re$|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?$re$;
  v_nested  constant text := $re$\[(?:(?:""|0)(?:,(?:""|0))*)?\]$re$
    || $re$|\{(?:"":(?:""|0)(?:,"":(?:""|0))*)?\}$re$;
begin
  if v_raw is null then
    return null;
  end if;

  if current_setting('server_version_num')::integer >= 160000 then
    v_valid := pg_input_is_valid(v_raw, 'jsonb');
  else
    -- Strings become "", other scalars 0, then arrays and objects of those become 0.
    v_rest := regexp_replace(v_raw, v_string, '""', 'g');
    v_rest := regexp_replace(v_rest, v_scalar, '0', 'g');
    -- A blank between two values stays, and with it the text never becomes one value.
    v_rest := regexp_replace(v_rest, $re$([0"])[ \t\n\r]+(?=[0"])$re$, $re$\1 $re$, 'g');
    v_rest := regexp_replace(v_rest, $re$[ \t\n\r]+(?![0"])|(?<![0"])[ \t\n\r]+$re$, '', 'g');
    loop
      v_before := v_rest;
      v_rest := regexp_replace(v_before, v_nested, '0', 'g');
      exit when v_rest = v_before;
    end loop;
    v_valid := v_rest in ('0', '""');
  end if;

  if not v_valid or jsonb_typeof(v_raw::jsonb) <> 'object' then
    raise exception 'setting "request.jwt.claims" is not a JSON object'
      using errcode = 'LPCLM',
        hint = 'Set it to the verified claims of the token, or to an empty string for nobody.';
  end if;
  return v_raw::jsonb;
end
$$;

comment on function learnplan.current_claims() is
  'The claims the server verified for this transaction, or null for nobody. LPCLM when malformed.';

revoke all on function learnplan.current_claims() from public;

commit;
