-- Deploy learnplan-db:function_tg_task_progress__set_completed_at to pg
-- requires: schema_learnplan_private
-- requires: function_assert_same
-- requires: function_describe_function
--
-- Completing a task stamps it, any other status clears it, and completing it again keeps the
-- first time. Who holds UPDATE on completed_at may give the time.
-- Source: design, tables.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.tg_task_progress__set_completed_at()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_before timestamptz := case when tg_op = 'UPDATE' then old.completed_at end;
begin
  if new.status <> 'completed' then
    new.completed_at := null;
  elsif new.completed_at is null
    or not has_column_privilege(tg_relid, 'completed_at', 'update')
  then
    new.completed_at := coalesce(v_before, now());
  end if;
  return new;
end
$$;

comment on function learnplan_private.tg_task_progress__set_completed_at() is
  'Sets completed_at when a task becomes completed, and clears it in any other status.';

revoke all on function learnplan_private.tg_task_progress__set_completed_at() from public;

commit;
