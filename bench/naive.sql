-- The policies that tutorials show, for comparison: the session function called bare, so once a
-- row, and in each table a join up to learning_plans, in reads and writes alike. Tutorials leave
-- the TO clause out as well; here it names a role of the benchmark, so that one world serves all.
-- For a role that is asked either way, PostgreSQL plans the same.

do $$
begin
  create role bench_naive nologin;
  create role bench_hand nologin bypassrls;
exception
  when duplicate_object then null; -- another world of this server has them
end
$$;

grant usage on schema learnplan to bench_naive, bench_hand;
grant all on all tables in schema learnplan to bench_naive, bench_hand;
grant execute on all functions in schema learnplan to bench_naive, bench_hand;

create policy naive on learnplan.users to bench_naive
using (id = learnplan.current_user_id());

create policy naive_select on learnplan.learning_plans for select to bench_naive
using (user_id = learnplan.current_user_id() or visibility = 'public');
create policy naive_write on learnplan.learning_plans to bench_naive
using (user_id = learnplan.current_user_id());

create policy naive_select on learnplan.modules for select to bench_naive
using (exists (
  select 1 from learnplan.learning_plans as p
  where p.id = modules.plan_id
    and (p.user_id = learnplan.current_user_id() or p.visibility = 'public')
));
create policy naive_write on learnplan.modules to bench_naive
using (exists (
  select 1 from learnplan.learning_plans as p
  where p.id = modules.plan_id and p.user_id = learnplan.current_user_id()
));

create policy naive_select on learnplan.tasks for select to bench_naive
using (exists (
  select 1 from learnplan.modules as m
  inner join learnplan.learning_plans as p on p.id = m.plan_id
  where m.id = tasks.module_id
    and (p.user_id = learnplan.current_user_id() or p.visibility = 'public')
));
create policy naive_write on learnplan.tasks to bench_naive
using (exists (
  select 1 from learnplan.modules as m
  inner join learnplan.learning_plans as p on p.id = m.plan_id
  where m.id = tasks.module_id and p.user_id = learnplan.current_user_id()
));

create policy naive on learnplan.resources for select to bench_naive
using (learnplan.current_user_id() is not null);

create policy naive_select on learnplan.task_resources for select to bench_naive
using (exists (
  select 1 from learnplan.tasks as t
  inner join learnplan.modules as m on m.id = t.module_id
  inner join learnplan.learning_plans as p on p.id = m.plan_id
  where t.id = task_resources.task_id
    and (p.user_id = learnplan.current_user_id() or p.visibility = 'public')
));
create policy naive_write on learnplan.task_resources to bench_naive
using (exists (
  select 1 from learnplan.tasks as t
  inner join learnplan.modules as m on m.id = t.module_id
  inner join learnplan.learning_plans as p on p.id = m.plan_id
  where t.id = task_resources.task_id and p.user_id = learnplan.current_user_id()
));

create policy naive on learnplan.task_progress to bench_naive
using (user_id = learnplan.current_user_id())
with check (
  user_id = learnplan.current_user_id()
  and exists (
    select 1 from learnplan.tasks as t
    inner join learnplan.modules as m on m.id = t.module_id
    inner join learnplan.learning_plans as p on p.id = m.plan_id
    where t.id = task_progress.task_id
      and (p.user_id = learnplan.current_user_id() or p.visibility = 'public')
  )
);

create policy naive on learnplan.plan_generations to bench_naive
using (exists (
  select 1 from learnplan.learning_plans as p
  where p.id = plan_generations.plan_id and p.user_id = learnplan.current_user_id()
));
