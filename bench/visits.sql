-- Who visits while traffic is measured: one row for each user of a world who has done a task, with
-- the token, a plan, module and task of their own, and a public plan of anybody's.
create table bench.visitors as
with shown as (
  select
    row_number() over (order by p.id) - 1 as number, count(*) over () as count,
    p.id as plan, split_part(p.topic, ' ', 1) as word,
    (
      select t.id from learnplan.modules as m
      inner join learnplan.tasks as t on t.module_id = m.id
      where m.plan_id = p.id
      order by m."order", t."order" limit 1
    ) as task
  from learnplan.learning_plans as p
  where p.visibility = 'public'
),
visiting as (
  select row_number() over (order by u.id)::integer as n, u.id as me, u.clerk_user_id as sub, own.*
  from learnplan.users as u
  cross join lateral (
    select p.id as plan, m.id as module, t.id as task
    from learnplan.learning_plans as p
    inner join learnplan.modules as m on m.plan_id = p.id
    inner join learnplan.tasks as t on t.module_id = m.id
    inner join learnplan.task_progress as d on d.task_id = t.id and d.user_id = u.id
    where p.user_id = u.id
    order by t.id limit 1
  ) as own
)
select
  v.n, v.me, v.plan, v.module, v.task, s.plan as public_plan, s.task as public_task, s.word,
  json_build_object('sub', v.sub, 'role', 'authenticated')::text as claims
from visiting as v
inner join shown as s on s.number = v.n % s.count;

create unique index on bench.visitors (n);
analyze bench.visitors;

grant usage on schema bench to bench_traffic, bench_traffic_hand;
grant select on bench.visitors to bench_traffic, bench_traffic_hand;
