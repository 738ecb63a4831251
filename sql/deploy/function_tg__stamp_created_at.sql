-- Deploy learnplan-db:function_tg__stamp_created_at to pg
-- requires: schema_learnplan_private
-- requires: function_assert_same
-- requires: function_describe_function
--
-- Who holds UPDATE on the column may set it, everybody else is stamped: so the grants alone
-- decide, and the service can load history. Users may name created_at in an INSERT (an ORM
-- that lists every column does), but its value is ignored.
-- Source: design, tables.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.tg__stamp_created_at()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.created_at is null or not has_column_privilege(tg_relid, 'created_at', 'update') then
    new.created_at := now();
  end if;
  return new;
end
$$;

comment on function learnplan_private.tg__stamp_created_at() is
  'Stamps created_at unless the caller may update that column.';

revoke all on function learnplan_private.tg__stamp_created_at() from public;

commit;
