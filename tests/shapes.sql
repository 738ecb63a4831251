-- A world just large enough for the planner to choose as it does in a large one: 2,000 plans
-- of 600 users (few have most of them), each with 5 modules of 4 tasks; 1 plan in 20 is public.
-- Ids are md5 of a word. 'user 1' has 4 plans, and 'plan 1' begins with a module of 50 tasks.
-- Triggers do not fire: what is generated is sound.
set session_replication_role = replica;

alter table learnplan.users set (autovacuum_enabled = off);
alter table learnplan.learning_plans set (autovacuum_enabled = off);
alter table learnplan.modules set (autovacuum_enabled = off);
alter table learnplan.tasks set (autovacuum_enabled = off);
alter table learnplan.resources set (autovacuum_enabled = off);
alter table learnplan.task_resources set (autovacuum_enabled = off);
alter table learnplan.task_progress set (autovacuum_enabled = off);
alter table learnplan.plan_generations set (autovacuum_enabled = off);

insert into learnplan.users (id, clerk_user_id, email)
select md5('user ' || u)::uuid, 'user ' || u, u || '@example.org'
from generate_series(1, 600) as u;

create temporary table owners as
select p, case when p <= 4 then 1 else 2 + (598 * power((p * 7 % 2000) / 2000.0, 3))::integer end as u
from generate_series(1, 2000) as p;

insert into learnplan.learning_plans (
  id, user_id, topic, skill_level, weekly_hours, learning_style, visibility, created_at
)
select
  md5('plan ' || p)::uuid, md5('user ' || u)::uuid, 'How to learn subject ' || p, 'beginner', 5,
  'mixed', case p % 20 when 0 then 'public' else 'private' end, now() - p * interval '1 min'
from owners;

insert into learnplan.modules (id, plan_id, "order", title, estimated_minutes)
select md5('module ' || p || '.' || m)::uuid, md5('plan ' || p)::uuid, m, 'Week ' || m, 60
from owners, generate_series(1, 5) as m;

insert into learnplan.tasks (id, module_id, "order", title, estimated_minutes)
select
  md5('task ' || p || '.' || m || '.' || t)::uuid, md5('module ' || p || '.' || m)::uuid, t,
  'Read chapter ' || t, 30
from owners, generate_series(1, 5) as m,
  generate_series(1, case when p = 1 and m = 1 then 50 else 4 end) as t;

insert into learnplan.resources (id, type, title, url, tags)
select
  md5('resource ' || r)::uuid, case r % 100 when 0 then 'doc' else 'article' end::learnplan.resource_type,
  'Chapter ' || r, 'https://example.org/' || r,
  case r % 100 when 0 then array['rare'] else array['common'] end
from generate_series(1, 10000) as r;

insert into learnplan.task_resources (task_id, resource_id, "order")
select
  md5('task ' || p || '.' || m || '.1')::uuid, md5('resource ' || 1 + p * m)::uuid, 1
from owners, generate_series(1, 5) as m;

insert into learnplan.task_progress (task_id, user_id, status, completed_at)
select
  md5('task ' || p || '.' || m || '.' || t)::uuid, md5('user ' || u)::uuid, 'completed', now()
from owners, generate_series(1, 2) as m, generate_series(1, 4) as t;

insert into learnplan.plan_generations (plan_id, model, prompt)
select md5('plan ' || p)::uuid, 'model', '"subject"' from owners, generate_series(1, 2);

drop table owners;
