-- A small realistic sample for the demo: three users, four plans, and what hangs off them.
-- Ids are fixed, so that the demo can name the rows and loading it twice changes nothing.
-- Run as the service role, in a transaction of the caller.

insert into learnplan.users (id, clerk_user_id, email, name, subscription_tier)
values
  ('11111111-0000-4000-8000-000000000001', 'user_ada', 'ada@example.org', 'Ada', 'pro'),
  ('11111111-0000-4000-8000-000000000002', 'user_ben', 'ben@example.org', 'Ben', 'free'),
  ('11111111-0000-4000-8000-000000000003', 'user_cho', 'cho@example.org', 'Cho', 'free')
on conflict do nothing;

insert into learnplan.learning_plans (
  id, user_id, topic, skill_level, weekly_hours, learning_style, start_date, deadline_date,
  visibility, origin
)
values
  ('22222222-0000-4000-8000-000000000001', '11111111-0000-4000-8000-000000000001',
    'PostgreSQL row security', 'intermediate', learnplan.weekly_hours('3-5'), 'reading',
    '2026-11-02', '2026-12-18', 'private', 'ai'),
  ('22222222-0000-4000-8000-000000000002', '11111111-0000-4000-8000-000000000001',
    'Spanish for travellers', 'beginner', learnplan.weekly_hours('1-2'), 'mixed',
    null, null, 'public', 'template'),
  ('22222222-0000-4000-8000-000000000003', '11111111-0000-4000-8000-000000000002',
    'Classical guitar', 'beginner', learnplan.weekly_hours('6-10'), 'practice',
    '2026-10-05', null, 'private', 'manual'),
  ('22222222-0000-4000-8000-000000000004', '11111111-0000-4000-8000-000000000003',
    'Statistics refresher', 'advanced', learnplan.weekly_hours('20+'), 'video',
    null, '2027-01-31', 'public', 'ai')
on conflict do nothing;

-- Two modules a plan, two tasks a module; ids derive from the parent's.
insert into learnplan.modules (id, plan_id, "order", title, description, estimated_minutes)
select
  overlay(p.id::text placing '3333333' || n from 1 for 8)::uuid,
  p.id,
  n,
  case n when 1 then 'Foundations of ' else 'Using ' end || lower(p.topic),
  case n when 1 then 'What to know before starting.' end,
  90 * n
from learnplan.learning_plans as p
cross join generate_series(1, 2) as n
where p.id::text like '22222222-%'
on conflict do nothing;

insert into learnplan.tasks (id, module_id, "order", title, estimated_minutes)
select
  overlay(m.id::text placing '44444' || m."order" || n || '0' from 1 for 8)::uuid,
  m.id,
  n,
  case n when 1 then 'Read the introduction' else 'Do the exercise' end,
  30 * n
from learnplan.modules as m
cross join generate_series(1, 2) as n
where m.id::text like '3333333%'
on conflict do nothing;

insert into learnplan.resources (
  id, type, title, url, author, duration_minutes, cost_cents, currency, tags
)
values
  ('55555555-0000-4000-8000-000000000001', 'doc', 'Row security policies',
    'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
    'PostgreSQL Global Development Group', 40, 0, null, '{postgresql,security}'),
  ('55555555-0000-4000-8000-000000000002', 'course', 'Spanish in ten weeks',
    'https://courses.example.org/spanish', null, 600, 4900, 'EUR', '{spanish}'),
  ('55555555-0000-4000-8000-000000000003', 'youtube', 'Reading a p-value',
    'https://videos.example.org/watch?v=p', 'A. Teacher', 12, null, null, '{statistics}')
on conflict do nothing;

insert into learnplan.task_resources (task_id, resource_id, "order", notes)
select t.id, r.id, 1, 'Start here.'
from learnplan.tasks as t
cross join learnplan.resources as r
where t.id::text like '44444110-%' and r.id = '55555555-0000-4000-8000-000000000001'
on conflict do nothing;

insert into learnplan.task_progress (task_id, user_id, status)
select t.id, p.user_id,
  (case t."order" when 1 then 'completed' else 'in_progress' end)::learnplan.progress_status
from learnplan.tasks as t
inner join learnplan.modules as m on m.id = t.module_id
inner join learnplan.learning_plans as p on p.id = m.plan_id
where t.id::text like '4444411%' or t.id::text like '4444412%'
on conflict do nothing;

insert into learnplan.plan_generations (id, plan_id, model, prompt, parameters, output_summary)
select
  overlay(p.id::text placing '66666666' from 1 for 8)::uuid, p.id, 'gpt-5',
  jsonb_build_object('topic', p.topic, 'notes', 'two weeks, evenings only'),
  '{"temperature": 0.3}', '{"modules": 2, "tasks": 4}'
from learnplan.learning_plans as p
where p.id::text like '22222222-%'
on conflict do nothing;
