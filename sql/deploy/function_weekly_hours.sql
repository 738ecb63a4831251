-- Deploy learnplan-db:function_weekly_hours to pg
-- requires: schema_learnplan
-- requires: function_assert_same
-- requires: function_describe_function
--
-- The UI offers ranges, the plan holds one integer. A range that the outline does not list is
-- an error, not a guess; null gives null.
-- Source: outline, client mapping notes.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan.weekly_hours(hours_range text)
returns integer
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_hours constant jsonb := '{"1-2": 2, "3-5": 5, "6-10": 10, "11-15": 15, "16-20": 20, "20+": 25}';
begin
  if not v_hours ? hours_range then
    raise exception 'unknown range of weekly hours'
      using errcode = 'LPWKH',
        hint = 'Known are 1-2, 3-5, 6-10, 11-15, 16-20 and 20+.';
  end if;
  return (v_hours ->> hours_range)::integer;
end
$$;

comment on function learnplan.weekly_hours(text) is
  'The representative integer for a range of weekly hours: 1-2, 3-5, 6-10, 11-15, 16-20 or 20+.';

revoke all on function learnplan.weekly_hours(text) from public;

commit;
