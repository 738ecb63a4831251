-- Deploy learnplan-db:function_owns_task to pg
-- requires: function_owns_task@v1.0.0
--
-- The key leads to the one plan that is asked about. Where users have few plans on average,
-- PostgreSQL rather went through all plans of the user, and some have hundreds: "is true" is no
-- condition for an index. Replacing a function locks no table.
-- Source: ADR 0015.

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.borrow_role('learnplan_reader');

create or replace function learnplan_private.owns_task(task_id uuid, user_id uuid)
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
    from learnplan.tasks as t
    inner join learnplan.modules as m on m.id = t.module_id
    inner join learnplan.learning_plans as p on p.id = m.plan_id
    where t.id = owns_task.task_id and (p.user_id = owns_task.user_id) is true
  );
end
$$;

select learnplan_private.return_role('learnplan_reader');

commit;
