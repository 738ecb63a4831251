-- Deploy learnplan-db:function_owns_plan to pg
-- requires: table_learning_plans
-- requires: role_learnplan_reader
-- requires: function_hand_over
-- requires: function_assert_same
-- requires: function_describe_function
--
-- Asked by writes on what hangs directly off a plan. Runs as learnplan_reader; callers cannot
-- name it, so it answers nobody's questions but a policy's.
-- Source: design, policies.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.owns_plan(plan_id uuid, user_id uuid)
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
    from learnplan.learning_plans as p
    where p.id = owns_plan.plan_id and p.user_id = owns_plan.user_id
  );
end
$$;

comment on function learnplan_private.owns_plan(uuid, uuid) is
  'Whether the user owns the plan; false, never null.';

revoke all on function learnplan_private.owns_plan(uuid, uuid) from public;

select learnplan_private.hand_over('learnplan_private.owns_plan(uuid, uuid)', 'learnplan_reader');

commit;
