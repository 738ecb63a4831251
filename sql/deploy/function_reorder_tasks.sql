-- Deploy learnplan-db:function_reorder_tasks to pg
-- requires: table_tasks
-- requires: function_assert_same
-- requires: function_describe_function
--
-- The unique order is not deferrable, so two rows cannot swap in one step: all move to a free
-- block of numbers first, then to 1, 2, 3. Runs with the caller's rights: a list that is not
-- exactly the tasks that the caller may change is refused, the same way whether the module is
-- hidden, absent or somebody else's.
-- Source: design, tables.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan.reorder_tasks(module_id uuid, task_ids uuid[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_given   uuid[] := array(select id from unnest(task_ids) as given (id) order by id);
  v_current uuid[];
  v_size    integer := cardinality(task_ids);
  v_block   integer;
begin
  -- Locking in the order of ids keeps two callers from waiting for each other.
  v_current := array(
    select c.id
    from learnplan.tasks as c
    where c.module_id = reorder_tasks.module_id
    order by c.id
    for update
  );
  if module_id is null or task_ids is null or v_given is distinct from v_current then
    raise exception 'the list is not exactly the tasks of the module that you may order'
      using errcode = 'LPORD',
        hint = 'Read the tasks again and send each id once.';
  end if;

  -- Of n + 1 blocks of n numbers, n rows leave at least one free.
  select min(b.number) into v_block
  from generate_series(0, v_size) as b (number)
  where not exists (
    select
    from learnplan.tasks as c
    where c.module_id = reorder_tasks.module_id
      and c."order" > b.number * v_size
      and c."order" <= (b.number + 1) * v_size
  );

  update learnplan.tasks as c
  set "order" = v_block * v_size + list.place
  from unnest(task_ids) with ordinality as list (id, place)
  where c.id = list.id;

  update learnplan.tasks as c
  set "order" = list.place
  from unnest(task_ids) with ordinality as list (id, place)
  where c.id = list.id and v_block > 0;
end
$$;

comment on function learnplan.reorder_tasks(uuid, uuid[]) is
  'Orders the tasks of a module as listed, from 1. LPORD unless the list is exactly its tasks.';

revoke all on function learnplan.reorder_tasks(uuid, uuid[]) from public;

commit;
