-- Deploy learnplan-db:function_assert_same to pg
-- requires: schema_learnplan_private
--
-- Two lists of lines must be equal as sets; the error names what is missing and what is extra.
-- Verify scripts need it, nothing else calls it.
-- Source: style, exact sets and never counts.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.assert_same(subject text, expected text[], actual text[])
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_missing text := (
    select string_agg(format('missing: %s', line), E'\n' order by line)
    from (select unnest(expected) except all select unnest(actual)) as difference (line)
  );
  v_extra text := (
    select string_agg(format('extra:   %s', line), E'\n' order by line)
    from (select unnest(actual) except all select unnest(expected)) as difference (line)
  );
begin
  if v_missing is not null or v_extra is not null then
    raise exception '% is not as the plan says', subject
      using errcode = 'LPDIF',
        detail = concat_ws(E'\n', v_missing, v_extra),
        hint = 'Put it back, or revert and deploy the change that owns it.';
  end if;
end
$$;

comment on function learnplan_private.assert_same(text, text[], text[]) is
  'Raises LPDIF, naming each line that is missing or extra, unless both lists are equal as sets.';

revoke all on function learnplan_private.assert_same(text, text[], text[]) from public;

commit;
