-- A world of learning plans, by numbers alone: no random(), so that a chunk is the same whenever
-- it is made. Loaded by bench/worlds.py into a database with the plan deployed, as superuser.
--
-- Plans are made town by town: 10,000 slots, in which 2,447 of 3,000 users have plans, the most
-- one to five, the first of them 300. Plan n is the slot (n / towns), permuted, of town (n % towns):
-- so a larger world has more towns, the same people live in each, and the rows of one person lie
-- ever further apart, between those of others, as they do when time passes.

create schema bench;

-- When it was vacuumed it is done; how long each step took is kept with the step.
create table bench.world (towns integer not null);
create table bench.steps (name text primary key, seconds numeric not null);

-- How many users have how many plans.
create table bench.slots as
with owners (plans, users) as (
  values (300, 1), (200, 2), (100, 4), (50, 10), (20, 30), (10, 100), (5, 400), (4, 500), (3, 500),
    (2, 400), (1, 500)
),
people as (
  select plans, row_number() over (order by plans desc, i) - 1 as citizen
  from owners cross join generate_series(1, users) as u (i)
),
plans as (
  select citizen, plans, row_number() over (order by citizen, i) - 1 as slot
  from people cross join generate_series(1, plans) as p (i)
),
rolled as (
  select
    plans.*,
    ('x' || substr(md5('shape ' || slot), 1, 6))::bit(24)::integer % 100 as shape,
    ('x' || substr(md5('share ' || slot), 1, 6))::bit(24)::integer as luck
  from plans
)
-- A half of the plans is small; one of a hundred has a module with 50 tasks.
select
  slot::integer,
  citizen::integer,
  plans::integer,
  case when shape < 51 then 3 when shape < 86 then 4 when shape < 99 then 8 else 10 end as modules,
  case when shape < 51 then 2 when shape < 99 then 3 else 5 end as tasks,
  case when shape < 51 then 2 when shape < 99 then 3 else 50 end as tasks_of_first,
  luck % 20 = 0 as public,
  -- The quarters of the modules that the owner has done.
  (array[0, 2, 2, 4])[1 + luck / 20 % 4] as quarters
from rolled;
create unique index on bench.slots (slot);
analyze bench.slots;

create function bench.id(kind text, number bigint) returns uuid
language sql immutable parallel safe
return md5(kind || number)::uuid;

-- The slot of a plan, and the number of the plan in a slot of a town.
create function bench.slot_of(plan integer, towns integer) returns integer
language sql immutable parallel safe
return ((plan / towns)::bigint * 3701 + 17) % 10000;

create function bench.number_in(slot integer, town integer, towns integer) returns integer
language sql immutable parallel safe
return ((slot - 17 + 10000)::bigint * 6301 % 10000 * towns + town)::integer;

create function bench.plans_of(first integer, beyond integer, towns integer)
returns table (n integer, town integer, at timestamptz, slot bench.slots)
language sql stable
begin atomic
  select
    p.n,
    p.n % towns,
    timestamptz '2024-01-01 00:00Z' + p.n / (10000.0 * towns) * interval '700 days',
    s
  from generate_series(first, beyond - 1) as p (n)
  inner join bench.slots as s on s.slot = bench.slot_of(p.n, towns);
end;

create function bench.subject(n integer) returns text
language sql immutable parallel safe
return (array[
  'Rust', 'Python', 'Go', 'SQL', 'PostgreSQL', 'linear algebra', 'statistics', 'calculus',
  'watercolour', 'piano', 'guitar', 'Spanish', 'Japanese', 'Portuguese', 'German', 'chess',
  'baking', 'gardening', 'photography', 'drawing', 'machine learning', 'compilers', 'networking',
  'cryptography', 'Kubernetes', 'accounting', 'negotiation', 'public speaking', 'copywriting',
  'astronomy', 'chemistry', 'genetics', 'music theory', 'film editing', 'carpentry', 'sailing',
  'first aid', 'typography', 'game design', 'robotics'
])[1 + n % 40];

-- The users of some towns and the resources that were found for them.
create procedure bench.settle(first integer, beyond integer)
language sql
begin atomic
  insert into learnplan.users (id, clerk_user_id, email, name, created_at)
  select
    bench.id('user', u), 'user_' || u, 'user' || u || '@example.org', 'User ' || u,
    timestamptz '2024-01-01 00:00Z'
  from generate_series(first * 3000, beyond * 3000 - 1) as u;

  insert into learnplan.resources (id, type, title, url, duration_minutes, tags, created_at)
  select
    bench.id('resource', r),
    (enum_range(null::learnplan.resource_type))[1 + r % 5],
    'How to get on with ' || bench.subject(r::integer / 50) || ', part ' || r % 50,
    'https://learn' || r % 97 || '.example.org/' || r,
    10 + r % 50,
    array[bench.subject(r::integer / 50)],
    timestamptz '2024-01-01 00:00Z'
  from generate_series(first * 2000, beyond * 2000 - 1) as r;
end;

-- The plans from one number to before another, with everything under them.
create procedure bench.fill(first integer, beyond integer, towns integer)
language sql
begin atomic
  insert into learnplan.learning_plans (
    id, user_id, topic, skill_level, weekly_hours, learning_style, visibility, created_at,
    updated_at
  )
  select
    bench.id('plan', p.n),
    bench.id('user', p.town * 3000 + (p.slot).citizen),
    case when p.n % 4999 = 7 then 'Knitting' else bench.subject(p.n) end
    || (array[' for beginners', ' from scratch', ' in depth', ' at work', ' for fun'])[1 + p.n / 40 % 5]
    || ', spring ' || 2024 + p.n % 3,
    (enum_range(null::learnplan.skill_level))[1 + p.n % 3],
    (array[2, 5, 10, 15, 20, 25])[1 + p.n % 6],
    (enum_range(null::learnplan.learning_style))[1 + p.n % 4],
    case when (p.slot).public then 'public' else 'private' end,
    p.at,
    p.at
  from bench.plans_of(first, beyond, towns) as p
  order by p.n;

  insert into learnplan.modules (
    id, plan_id, "order", title, description, estimated_minutes, created_at, updated_at
  )
  select
    bench.id('module', p.n * 16::bigint + m), bench.id('plan', p.n), m, 'Week ' || m,
    'What week ' || m || ' is about, and what you can do at its end.', 120, p.at, p.at
  from bench.plans_of(first, beyond, towns) as p
  cross join generate_series(1, (p.slot).modules) as m
  order by p.n, m;

  insert into learnplan.tasks (
    id, module_id, "order", title, description, estimated_minutes, created_at, updated_at
  )
  select
    bench.id('task', (p.n * 16::bigint + m) * 64 + t), bench.id('module', p.n * 16::bigint + m), t,
    'Task ' || t || ' of week ' || m,
    case t % 2 when 0 then 'Read, try it yourself, and write down what surprised you.' end,
    15 + (p.n + m + t) % 5 * 15, p.at, p.at
  from bench.plans_of(first, beyond, towns) as p
  cross join generate_series(1, (p.slot).modules) as m
  cross join generate_series(1, case m when 1 then (p.slot).tasks_of_first else (p.slot).tasks end) as t
  order by p.n, m, t;

  -- The last task of a module has two, some others have one.
  insert into learnplan.task_resources (id, task_id, resource_id, "order", notes, created_at)
  select
    bench.id('link', ((p.n * 16::bigint + m) * 64 + t) * 4 + l),
    bench.id('task', (p.n * 16::bigint + m) * 64 + t),
    bench.id('resource', (p.n * 31::bigint + m * 7 + t * 3 + l * 997) % (towns * 2000)), l,
    case l when 1 then 'Chapter ' || t end, p.at
  from bench.plans_of(first, beyond, towns) as p
  cross join generate_series(1, (p.slot).modules) as m
  cross join generate_series(1, case m when 1 then (p.slot).tasks_of_first else (p.slot).tasks end) as t
  cross join generate_series(1, case
    when t = (p.slot).tasks and m % 3 = 0 then 2 when (t + m) % 4 = 0 then 1 else 0
  end) as l
  order by p.n, m, t, l;

  -- Owners work through their plans in order; a neighbour works on the half of a public one.
  -- All at their own pace: rows of different people and plans come in between.
  insert into learnplan.task_progress (
    id, task_id, user_id, status, completed_at, created_at, updated_at
  )
  select
    bench.id('progress', done.task * 2 + done.guest), bench.id('task', done.task),
    bench.id('user', done.town * 3000 + done.learner),
    case done.task % 7 when 0 then 'in_progress' else 'completed' end::learnplan.progress_status,
    case done.task % 7 when 0 then null else done.at + interval '7 days' end,
    done.at + interval '7 days', done.at + interval '7 days'
  from (
    select
      (p.n * 16::bigint + m) * 64 + t as task, p.town, p.at, w.guest,
      case w.guest when 0 then (p.slot).citizen else ((p.slot).citizen + 7) % 3000 end as learner
    from bench.plans_of(first, beyond, towns) as p
    cross join generate_series(0, (p.slot).public::integer) as w (guest)
    cross join generate_series(
      1, (p.slot).modules * case w.guest when 0 then (p.slot).quarters else 2 end / 4
    ) as m
    cross join generate_series(1, case m when 1 then (p.slot).tasks_of_first else (p.slot).tasks end)
      as t
  ) as done
  order by md5('pace ' || done.task);

  insert into learnplan.plan_generations (
    id, plan_id, model, prompt, parameters, output_summary, created_at
  )
  select
    bench.id('generation', p.n * 4::bigint + g), bench.id('plan', p.n), 'gpt-5',
    jsonb_build_object('topic', bench.subject(p.n), 'hours', p.n % 20),
    jsonb_build_object('temperature', 0.7), jsonb_build_object('modules', (p.slot).modules),
    p.at + g * interval '1 day'
  from bench.plans_of(first, beyond, towns) as p
  cross join generate_series(1, 1 + (p.slot).slot % 2) as g
  order by p.n, g;
end;
