-- Rows of one seed, from plan %(first)s to plan %(last)s: each value follows from the seed and
-- the number of the row alone, so that the same seed makes the same rows in whatever chunks.
-- A row rolls eight dice, the words of a hash; sha256 works where md5 is forbidden.
-- Read by seeding/world.py: a part starts at its "-- part:" line; {plan} is the part of that name.

-- part: plan
plan as materialized (
  select
    n, h, row_id(h) as id,
    1 + floor(%(users)s * (die(h, 1) / 65536.0) ^ 2)::integer as owner,
    2 + die(h, 2) %% 5 as modules,
    2 + die(h, 3) %% 4 as tasks,
    die(h, 4) %% 5 = 0 as public,
    (array[
      'Rust', 'Python', 'Go', 'SQL', 'PostgreSQL', 'linear algebra', 'statistics', 'calculus',
      'watercolour', 'piano', 'guitar', 'Spanish', 'Japanese', 'Portuguese', 'German', 'chess',
      'baking', 'gardening', 'photography', 'drawing', 'machine learning', 'compilers',
      'networking', 'cryptography', 'Kubernetes', 'accounting', 'negotiation',
      'public speaking', 'copywriting', 'astronomy', 'chemistry', 'genetics', 'music theory',
      'film editing', 'carpentry', 'sailing', 'first aid', 'typography', 'game design',
      'robotics'
    ])[1 + die(h, 5) %% 40] as subject,
    timestamptz '2024-01-01 08:00Z' + die(h, 6) / 65536.0 * interval '600 days' as at,
    die(h, 7) as luck,
    die(h, 8) as other
  from generate_series(%(first)s::integer, %(last)s::integer) as n
  cross join lateral hash('plan', n) as h
)

-- part: users
insert into learnplan.users (
  id, clerk_user_id, email, name, subscription_tier, created_at, updated_at
)
select
  row_id(h), format('seed%%s_user_%%s', %(seed)s, n),
  format('%%s.%%s.%%s@example.org', lower(first), %(seed)s, n), format('%%s %%s', first, last),
  case when die(h, 3) %% 6 = 0 then 'pro' else 'free' end,
  timestamptz '2024-01-01 00:00Z', timestamptz '2024-01-01 00:00Z'
from generate_series(1, %(users)s::integer) as n
cross join lateral hash('user', n) as h
cross join lateral (
  select
    (array['Ada', 'Ben', 'Cho', 'Dana', 'Emil', 'Fatima', 'Grace', 'Hugo', 'Ines', 'Jun', 'Kofi',
      'Lena', 'Mara', 'Nils', 'Olga', 'Priya'])[1 + die(h, 1) %% 16] as first,
    (array['Abel', 'Berg', 'Costa', 'Diaz', 'Evans', 'Fischer', 'Garcia', 'Haas', 'Ito', 'Jensen',
      'Kim', 'Lopez', 'Moreau', 'Novak', 'Okafor', 'Patel'])[1 + die(h, 2) %% 16] as last
) as named

-- part: resources
insert into learnplan.resources (
  id, type, title, url, author, duration_minutes, cost_cents, currency, tags, created_at
)
select
  row_id(h), kind,
  case kind when 'youtube' then 'Watch: ' when 'course' then 'A course in ' when 'doc'
    then 'Reference of ' else 'How to get on with ' end || subject || ', part ' || 1 + n / 40,
  format('https://%%s.example.org/%%s/%%s', kind, %(seed)s, n),
  case when die(h, 2) %% 3 > 0 then 'Author ' || die(h, 2) %% 50 end,
  case when kind <> 'doc' then 5 + die(h, 3) %% 175 end,
  case when kind = 'course' then die(h, 4) %% 20 * 500 when die(h, 4) %% 2 = 0 then 0 end,
  case when kind = 'course' then 'EUR' end,
  array[replace(lower(subject), ' ', '-'), kind::text],
  timestamptz '2024-01-01 00:00Z' + die(h, 5) / 65536.0 * interval '600 days'
from generate_series(1, %(resources)s::integer) as n
cross join lateral hash('resource', n) as h
cross join lateral (
  select
    (array['youtube', 'article', 'course', 'doc', 'other']::learnplan.resource_type[])
      [1 + die(h, 1) %% 5] as kind,
    (array['Rust', 'SQL', 'statistics', 'piano', 'Spanish', 'drawing', 'chess', 'baking'])
      [1 + n %% 8] as subject
) as chosen

-- part: learning_plans
with {plan}
insert into learnplan.learning_plans (
  id, user_id, topic, skill_level, weekly_hours, learning_style, start_date, deadline_date,
  visibility, origin, created_at, updated_at
)
select
  id, row_id(hash('user', owner)),
  initcap(left(subject, 1)) || substr(subject, 2)
    || (array[' for beginners', ' from scratch', ' in depth', ' at work', ' for fun'])
    [1 + luck %% 5],
  (array['beginner', 'intermediate', 'advanced']::learnplan.skill_level[])[1 + other %% 3],
  (array[2, 5, 10, 15, 20, 25])[1 + other %% 6],
  (array['reading', 'video', 'practice', 'mixed']::learnplan.learning_style[])[1 + luck %% 4],
  case when luck %% 3 > 0 then (at + interval '3 days')::date end,
  case when other %% 4 = 0 then (at + modules * interval '1 week' + interval '3 days')::date end,
  case when public then 'public' else 'private' end,
  (array['ai', 'ai', 'ai', 'template', 'manual'])[1 + other %% 5],
  at, at
from plan

-- part: modules
with {plan}
insert into learnplan.modules (
  id, plan_id, "order", title, description, estimated_minutes, created_at, updated_at
)
select
  row_id(hash('module', n, m)), id, m,
  (array['Getting started with ', 'The basics of ', 'First steps on your own in ', 'Practising ',
    'Going deeper into ', 'A project of your own in '])[m] || subject,
  case m when 1 then 'What to know, and what to have at hand, before you start.' end,
  tasks * 35, at, at
from plan
cross join generate_series(1, modules) as m

-- part: tasks
with {plan}
insert into learnplan.tasks (
  id, module_id, "order", title, description, estimated_minutes, created_at, updated_at
)
select
  row_id(hash('task', n, m, t)), row_id(hash('module', n, m)), t,
  (array['Read an introduction', 'Watch somebody do it', 'Try it yourself',
    'Solve the exercises', 'Write down what you learned'])[t],
  case t when 3 then 'Make mistakes, and find out why.' end,
  15 + (luck + m + t) %% 4 * 15, at, at
from plan
cross join generate_series(1, modules) as m
cross join generate_series(1, tasks) as t

-- part: task_resources
with {plan}
insert into learnplan.task_resources (id, task_id, resource_id, "order", notes, created_at)
select
  row_id(hash('link', n, m, t, l)), row_id(hash('task', n, m, t)),
  row_id(hash('resource', (n::bigint * 31 + m * 7 + t * 3 + l) %% %(resources)s + 1)),
  l, case l when 1 then 'Chapter ' || m end, at
from plan
cross join generate_series(1, modules) as m
cross join generate_series(1, tasks) as t
cross join generate_series(1, (luck + m * 3 + t) %% 3) as l

-- part: task_progress
with {plan}, learner as (
  -- The owner, and of a public plan some others, who are not as far.
  select plan.*, g, 1 + (owner - 1 + g) %% %(users)s as learner,
    modules * tasks * (case g when 0 then luck else other / (g + 1) end) / 65536 as done
  from plan
  cross join generate_series(
    0, case when public then least(other %% 4, %(users)s - 1) else 0 end
  ) as g
)
insert into learnplan.task_progress (
  id, task_id, user_id, status, completed_at, created_at, updated_at
)
select
  row_id(hash('progress', n, p, g)),
  row_id(hash('task', n, 1 + (p - 1) / tasks, 1 + (p - 1) %% tasks)),
  row_id(hash('user', learner)), status,
  case when status = 'completed' then reached end, at, reached
from learner
cross join generate_series(1, least(done + 2, modules * tasks)) as p
cross join lateral (
  select
    (case when p <= done then 'completed' when p = done + 1 then 'in_progress'
      else 'not_started' end)::learnplan.progress_status as status,
    at + (p + g) * interval '1 day' as reached
) as one

-- part: plan_generations
with {plan}
insert into learnplan.plan_generations (
  id, plan_id, model, prompt, parameters, output_summary, created_at
)
select
  row_id(hash('generation', n, g)), id, 'model-' || 1 + other %% 3,
  jsonb_build_object('topic', subject, 'weekly_hours', 5 + luck %% 10),
  jsonb_build_object('temperature', 0.7),
  jsonb_build_object('modules', modules, 'tasks', modules * tasks),
  at + (g - 1) * interval '1 hour'
from plan
cross join generate_series(1, 1 + luck %% 2) as g

-- part: owner
select u.clerk_user_id, count(*)
from learnplan.learning_plans as p
inner join learnplan.users as u on u.id = p.user_id
where u.clerk_user_id ~ format('^seed%%s_user_', %(seed)s)
group by 1 order by 2 desc, 1 limit 1
