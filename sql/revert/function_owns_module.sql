-- Revert learnplan-db:function_owns_module from pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.borrow_role('learnplan_reader');

create or replace function learnplan_private.owns_module(module_id uuid, user_id uuid)
returns boolean
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (
    select
    from learnplan.modules as m
    inner join learnplan.learning_plans as p on p.id = m.plan_id
    where m.id = owns_module.module_id and p.user_id = owns_module.user_id
  );
end
$$;

select learnplan_private.return_role('learnplan_reader');

commit;
