-- Deploy learnplan-db:function_owns_module to pg
-- requires: table_modules
-- requires: role_learnplan_reader
-- requires: function_hand_over
-- requires: function_assert_same
-- requires: function_describe_function
--
-- Asked by writes on tasks. Runs as learnplan_reader; callers cannot name it, so it answers
-- nobody's questions but a policy's.
-- Source: design, policies.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan_private.owns_module(module_id uuid, user_id uuid)
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

comment on function learnplan_private.owns_module(uuid, uuid) is
  'Whether the user owns the module; false, never null.';

revoke all on function learnplan_private.owns_module(uuid, uuid) from public;

select learnplan_private.hand_over('learnplan_private.owns_module(uuid, uuid)', 'learnplan_reader');

commit;
