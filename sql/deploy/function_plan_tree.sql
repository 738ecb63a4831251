-- Deploy learnplan-db:function_plan_tree to pg
-- requires: table_task_resources
-- requires: role_learnplan_reader
-- requires: function_current_user_id
-- requires: function_hand_over
-- requires: function_assert_same
-- requires: function_describe_function
--
-- The page of a plan in one call, for what the hand-written joins cost: who may read is asked
-- once, of the plan, and not of each row. Runs as learnplan_reader. Its settings leave one way to
-- plan it, from the plan down, each level a look-up by index: no table is read whole, whatever the
-- statistics say of the tables or of other people's plans. It is planned once a session, never
-- compiled, and keeps no cache: no key comes twice.
-- Source: design, policies; row security facts, 4.2.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan.plan_tree(plan_id uuid)
returns table (
  module_id          uuid,
  module_order       integer,
  module_title       text,
  module_description text,
  module_minutes     integer,
  task_id            uuid,
  task_order         integer,
  task_title         text,
  task_description   text,
  task_minutes       integer,
  link_id            uuid,
  link_order         integer,
  link_notes         text,
  resource_id        uuid,
  resource_type      learnplan.resource_type,
  resource_title     text,
  resource_url       text
)
language plpgsql
stable
parallel safe
security definer
rows 100
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set join_collapse_limit = 1
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
set enable_memoize = off
set enable_seqscan = off
set jit = off
as $$
declare
  v_me uuid := learnplan.current_user_id();
begin
  return query
  select
    m.id, m."order", m.title, m.description, m.estimated_minutes,
    t.id, t."order", t.title, t.description, t.estimated_minutes,
    l.id, l."order", l.notes,
    r.id, r.type, r.title, r.url
  from learnplan.learning_plans as p
  inner join learnplan.modules as m on m.plan_id = p.id
  left join learnplan.tasks as t on t.module_id = m.id
  left join learnplan.task_resources as l on l.task_id = t.id
  left join learnplan.resources as r on r.id = l.resource_id
  where p.id = plan_tree.plan_id
    and (p.user_id = v_me or (p.visibility = 'public' and v_me is not null))
  order by m."order", t."order", l."order", l.id;
end
$$;

comment on function learnplan.plan_tree(uuid) is
  'Modules, tasks, links and resources of a plan that the caller may read, in order; else no row.';

revoke all on function learnplan.plan_tree(uuid) from public;

select learnplan_private.hand_over('learnplan.plan_tree(uuid)', 'learnplan_reader');

commit;
