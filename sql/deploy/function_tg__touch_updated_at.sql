-- Deploy learnplan-db:function_tg__touch_updated_at to pg
-- requires: schema_learnplan_private
-- requires: function_assert_same
-- requires: function_describe_function
--
-- Who holds UPDATE on the column may set it, everybody else is stamped: so the grants alone
-- decide, and the service can load history. An UPDATE that leaves the column alone moves it,
-- whoever runs it.
-- Source: outline, constraints and integrity; design, tables.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.tg__touch_updated_at()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.updated_at is null
    or (tg_op = 'UPDATE' and new.updated_at is not distinct from old.updated_at)
    or not has_column_privilege(tg_relid, 'updated_at', 'update')
  then
    new.updated_at := now();
  end if;
  return new;
end
$$;

comment on function learnplan_private.tg__touch_updated_at() is
  'Moves updated_at to the time of the transaction unless the caller sets it and may.';

revoke all on function learnplan_private.tg__touch_updated_at() from public;

commit;
