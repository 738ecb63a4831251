"""
What applications read: each question as a developer words it who checks access by
hand, as the caller of the tables, and as a call of an accessor where there is one.
"""

from __future__ import annotations

from bench.wording import ME, PEOPLE, READ, READABLE, UP, Question

PROGRESS = """
select
  {columns}
from learnplan.learning_plans as p
left join lateral (
  select
    m.id as module_id, count(t.id) as tasks, count(t.id) filter (where t.done) as done,
    coalesce(sum(t.estimated_minutes), 0) as minutes,
    coalesce(sum(t.estimated_minutes) filter (where t.done), 0) as done_minutes,
    bool_and(count(t.id) > 0 and bool_and(t.done)) over (order by m."order") as before
  from learnplan.modules as m
  left join lateral (
    select k.id, k.estimated_minutes, {done} as done
    from learnplan.tasks as k where k.module_id = m.id
  ) as t on true
  where m.plan_id = p.id
  group by m.id
) as w on true
where {access}
group by p.id"""
# Of one plan, each task is looked up; of many, the user's progress is read once.
LOOKED_UP = """exists (
      select from learnplan.task_progress as d
      where d.task_id = k.id and d.user_id = {me} and d.status = 'completed'
    )"""
HASHED = """k.id in (
      select d.task_id from learnplan.task_progress as d
      where d.user_id = {me} and d.status = 'completed'
    )"""
DONE = """coalesce(sum(w.done), 0)::bigint as completed_tasks,
  coalesce(sum(w.tasks), 0)::bigint as total_tasks,
  coalesce(trunc(100.0 * sum(w.done) / nullif(sum(w.tasks), 0), 1), 0.0)
    as percentage"""
WEEK = "least(count(w.module_id), count(*) filter (where w.before) + 1) as current_week"
ALL = f"""p.id as plan_id, {{me}} as user_id,
  {DONE},
  count(w.module_id) as total_weeks,
  {WEEK},
  coalesce(sum(w.done_minutes), 0)::bigint as completed_minutes,
  coalesce(sum(w.minutes), 0)::bigint as total_minutes,
  round(coalesce(sum(w.done_minutes), 0) / 60.0, 1) as completed_hours,
  round(coalesce(sum(w.minutes), 0) / 60.0, 1) as total_hours"""
TREE = """
select
  m.id, m."order", m.title, m.description, m.estimated_minutes,
  t.id, t."order", t.title, t.description, t.estimated_minutes,
  l.id, l."order", l.notes, r.id, r.type, r.title, r.url
from {start}
left join learnplan.tasks as t on t.module_id = m.id
left join learnplan.task_resources as l on l.task_id = t.id
left join learnplan.resources as r on r.id = l.resource_id
where {where}
order by m."order", t."order", l."order\""""
PLANS = "p.id, p.topic, p.visibility, p.created_at"
FIGURES = "s.completed_tasks, s.total_tasks, s.percentage, s.current_week"


def progress(access: str, done: str, columns: str = ALL) -> str:
    """Return the figures of plan_progress by hand, for the plans that may be read."""
    return PROGRESS.format(access=access, done=done, columns=columns)


def tree(plan: str) -> tuple[str, str, str]:
    """Return the three wordings of the page of a plan."""
    joined = "learnplan.learning_plans as p\ninner join learnplan.modules as m"
    hand = TREE.format(
        start=f"{joined} on m.plan_id = p.id",
        where=f"p.id = {{{plan}}} and {READABLE}",
    )
    caller = TREE.format(
        start="learnplan.modules as m", where=f"m.plan_id = {{{plan}}}"
    )
    return hand, caller, f"select * from learnplan.plan_tree({{{plan}}})"


LIST = """select p.id, p.topic, p.skill_level, p.created_at
from learnplan.learning_plans as p
where {where}
order by p.created_at desc limit 20"""
EXPORT = """
select 'plan' as kind, to_jsonb(p) as data
from learnplan.learning_plans as p where p.user_id = {me}
union all
select 'module', to_jsonb(m) from learnplan.modules as m
inner join learnplan.learning_plans as p on p.id = m.plan_id where p.user_id = {me}
union all
select 'task', to_jsonb(t) from learnplan.tasks as t
inner join learnplan.modules as m on m.id = t.module_id
inner join learnplan.learning_plans as p on p.id = m.plan_id where p.user_id = {me}
union all
select 'link', to_jsonb(l) from learnplan.task_resources as l
inner join learnplan.tasks as t on t.id = l.task_id
inner join learnplan.modules as m on m.id = t.module_id
inner join learnplan.learning_plans as p on p.id = m.plan_id where p.user_id = {me}
union all
select 'progress', to_jsonb(d) from learnplan.task_progress as d where d.user_id = {me}
union all
select 'generation', to_jsonb(g) from learnplan.plan_generations as g
inner join learnplan.learning_plans as p on p.id = g.plan_id where p.user_id = {me}"""
READS = (
    Question(
        "dashboard: own plans with progress",
        READ,
        progress("p.user_id = {me}", HASHED, f"{PLANS}, {DONE}, {WEEK}")
        + "\norder by p.created_at desc",
        f"""select {PLANS}, {FIGURES}
from learnplan.learning_plans as p
inner join learnplan.plan_progress as s on s.plan_id = p.id
where p.user_id = {ME} order by p.created_at desc""",
        f"""select {PLANS}, {FIGURES}
from learnplan.learning_plans as p
inner join learnplan.my_progress() as s on s.plan_id = p.id
where p.user_id = {ME} order by p.created_at desc""",
        who=("small", "heavy"),
    ),
    Question(
        "own plans",
        READ,
        f"""select {PLANS} from learnplan.learning_plans as p
where p.user_id = {{me}} order by p.created_at desc""",
        f"""select {PLANS} from learnplan.learning_plans as p
where p.user_id = {ME} order by p.created_at desc""",
        who=("small", "heavy"),
        single=True,
    ),
    Question("page of an own plan", READ, *tree("plan")),
    Question("page of a public plan", READ, *tree("public_plan")),
    Question(
        "tasks of a module",
        READ,
        f"""select t.* from learnplan.tasks as t
{UP}
where t.module_id = {{module}} and {READABLE} order by t."order\"""",
        """select t.* from learnplan.tasks as t
where t.module_id = {module} order by t."order\"""",
        single=True,
    ),
    Question(
        "own progress of a plan, by task",
        READ,
        f"""select t.id, d.status, d.completed_at
from learnplan.learning_plans as p
inner join learnplan.modules as m on m.plan_id = p.id
inner join learnplan.tasks as t on t.module_id = m.id
inner join learnplan.task_progress as d on d.task_id = t.id and d.user_id = {{me}}
where p.id = {{plan}} and {READABLE} order by t.id""",
        f"""select t.id, d.status, d.completed_at
from learnplan.modules as m
inner join learnplan.tasks as t on t.module_id = m.id
inner join learnplan.task_progress as d on d.task_id = t.id and d.user_id = {ME}
where m.plan_id = {{plan}} order by t.id""",
    ),
    Question(
        "plan_progress of a plan",
        READ,
        progress(f"p.id = {{plan}} and {READABLE}", LOOKED_UP),
        "select * from learnplan.plan_progress where plan_id = {plan}",
        "select * from learnplan.plan_progress_of({plan})",
    ),
    Question(
        "plan_progress of all own plans",
        READ,
        progress("p.user_id = {me}", HASHED),
        f"""select s.* from learnplan.learning_plans as p
inner join learnplan.plan_progress as s on s.plan_id = p.id
where p.user_id = {ME}""",
        "select * from learnplan.my_progress()",
        who=("small", "heavy"),
    ),
    Question(
        "generations of a plan",
        READ,
        """select g.* from learnplan.plan_generations as g
inner join learnplan.learning_plans as p on p.id = g.plan_id
where g.plan_id = {plan} and p.user_id = {me} order by g.created_at""",
        """select g.* from learnplan.plan_generations as g
where g.plan_id = {plan} order by g.created_at""",
        single=True,
    ),
    Question(
        "browse public plans, newest first",
        READ,
        LIST.format(where="p.visibility = 'public'"),
        LIST.format(where="p.visibility = 'public'"),
        rows=PEOPLE,
        single=True,
    ),
    *(
        Question(
            f"topic search, a {name} word",
            READ,
            f"""select p.* from learnplan.learning_plans as p
where p.visibility = 'public' and p.topic ilike '%' || {{{word}}} || '%'
order by p.created_at desc limit 20""",
            f"""select p.* from learnplan.learning_plans as p
where p.visibility = 'public' and p.topic ilike '%' || {{{word}}} || '%'
order by p.created_at desc limit 20""",
            f"select * from learnplan.search_public_plans({{{word}}}, 20)",
            rows=PEOPLE,
            single=True,
        )
        for name, word in (("frequent", "word"), ("rare", "rare"))
    ),
    Question(
        "export of one user, as service",
        READ,
        EXPORT,
        EXPORT,
        who=("small", "heavy"),
        service=True,
    ),
)
