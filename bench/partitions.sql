-- Rows to try partitions with: {plans} plans of 8 modules of 4 tasks, every twentieth public, owners
-- with a heavy tail; their owners' progress on half of the tasks, that of 60 readers on each public
-- plan; 40 generations a plan over the twelve months of 2025. Numbers are hashed, so it is the same
-- world each time. Keys are not looked at and triggers do not fire: that is not what is measured.
set session_replication_role = replica;

insert into learnplan.users (id, clerk_user_id, email)
select md5('user' || i)::uuid, 'user_' || i, i || '@example.org'
from generate_series(1, {plans} / 3) as i;

insert into learnplan.learning_plans
  (id, user_id, topic, skill_level, weekly_hours, learning_style, visibility, created_at)
select md5('plan' || i)::uuid,
  md5('user' || 1 + floor({plans} / 3 * power(abs(hashint4(i) / 2147483648.0), 3)))::uuid,
  'topic ' || i, 'beginner', 5, 'mixed',
  case when i % 20 = 0 then 'public' else 'private' end,
  timestamptz '2025-01-01 00:00+00' + i * interval '1 minute'
from generate_series(1, {plans}) as i;

insert into learnplan.modules (id, plan_id, "order", title, estimated_minutes)
select md5(format('module%s.%s', i, j))::uuid, md5('plan' || i)::uuid, j, 'module ' || j, 60
from generate_series(1, {plans}) as i, generate_series(1, 8) as j;

insert into learnplan.tasks (id, module_id, "order", title, estimated_minutes)
select md5(format('task%s.%s.%s', i, j, k))::uuid, md5(format('module%s.%s', i, j))::uuid, k,
  'task ' || k, 30
from generate_series(1, {plans}) as i, generate_series(1, 8) as j, generate_series(1, 4) as k;

insert into learnplan.task_progress (id, task_id, user_id, status, completed_at)
select md5(format('progress%s.%s.%s.%s', i, j, k, reader))::uuid,
  md5(format('task%s.%s.%s', i, j, k))::uuid,
  case when reader = 0 then p.user_id
    else md5('user' || 1 + (i * 61 + reader * 7) % ({plans} / 3))::uuid end,
  'completed', now()
from generate_series(1, {plans}) as i
inner join learnplan.learning_plans as p on p.id = md5('plan' || i)::uuid
cross join generate_series(0, 60) as reader
cross join generate_series(1, 8) as j
cross join generate_series(1, 4) as k
where case when reader = 0 then j <= 4 else i % 20 = 0 end
on conflict do nothing;

insert into learnplan.plan_generations (id, plan_id, model, prompt, created_at)
select md5(format('generation%s.%s', i, n))::uuid, md5('plan' || i)::uuid, 'a model',
  jsonb_build_object('topic', 'topic ' || i, 'notes', repeat(md5(n::text), 8)),
  timestamptz '2025-01-01 00:00+00' + (n * interval '9 days') + i * interval '1 minute'
from generate_series(0, 39) as n, generate_series(1, {plans}) as i;

reset session_replication_role;
vacuum (freeze, analyze);
