"""
What applications write: each question as a developer words it who checks access by
hand, and as the caller of the tables; and what shows that it was done.
"""

from __future__ import annotations

from bench.wording import ME, READABLE, UP, WRITE, Question

UPSERT = """on conflict (task_id, user_id)
do update set status = excluded.status"""


MODULE = '(plan_id, "order", title, estimated_minutes)'
TASK = '(module_id, "order", title, estimated_minutes)'
LINK = '(task_id, resource_id, "order", notes)'
GENERATION = "(plan_id, model, prompt)"
COUNT = "select count(*), max(title) from learnplan"


def upsert(task: str) -> tuple[str, str]:
    """Return the two wordings of ticking off a task."""
    into = "insert into learnplan.task_progress (task_id, user_id, status)\n"
    hand = f"""{into}select t.id, {{me}}, 'completed'
from learnplan.tasks as t
{UP}
where t.id = {{{task}}} and {READABLE}
{UPSERT}"""
    return hand, f"{into}values ({{{task}}}, {ME}, 'completed')\n{UPSERT}"


def ticked(task: str) -> str:
    """Return what shows that a task is ticked off."""
    return f"""select user_id, status, completed_at is null
from learnplan.task_progress where task_id = {{{task}}} order by user_id"""


CHANGES = (
    *(
        Question(f"tick off a task, {name}", WRITE, *upsert(task), after=ticked(task))
        for name, task in (
            ("own, done before", "task"),
            ("own, for the first time", "open_task"),
            ("of a public plan", "public_task"),
        )
    ),
    Question(
        "insert a plan",
        WRITE,
        """insert into learnplan.learning_plans
(user_id, topic, skill_level, weekly_hours, learning_style)
values ({me}, 'Sailing', 'beginner', 5, 'mixed')""",
        f"""insert into learnplan.learning_plans
(user_id, topic, skill_level, weekly_hours, learning_style)
values ({ME}, 'Sailing', 'beginner', 5, 'mixed')""",
        after="""select count(*), max(topic) from learnplan.learning_plans
where user_id = {me}""",
    ),
    Question(
        "insert a module",
        WRITE,
        f"""insert into learnplan.modules {MODULE}
select p.id, 99, 'Week 99', 60 from learnplan.learning_plans as p
where p.id = {{plan}} and p.user_id = {{me}}""",
        f"""insert into learnplan.modules {MODULE}
values ({{plan}}, 99, 'Week 99', 60)""",
        after=f"{COUNT}.modules where plan_id = {{plan}}",
    ),
    Question(
        "insert a task",
        WRITE,
        f"""insert into learnplan.tasks {TASK}
select m.id, 99, 'Task 99', 60 from learnplan.modules as m
inner join learnplan.learning_plans as p on p.id = m.plan_id
where m.id = {{module}} and p.user_id = {{me}}""",
        f"""insert into learnplan.tasks {TASK}
values ({{module}}, 99, 'Task 99', 60)""",
        after=f"{COUNT}.tasks where module_id = {{module}}",
    ),
    Question(
        "insert a link",
        WRITE,
        f"""insert into learnplan.task_resources {LINK}
select t.id, {{resource}}, 9, 'new' from learnplan.tasks as t
{UP}
where t.id = {{task}} and p.user_id = {{me}}""",
        f"""insert into learnplan.task_resources {LINK}
values ({{task}}, {{resource}}, 9, 'new')""",
        after="""select count(*), max("order") from learnplan.task_resources
where task_id = {task}""",
    ),
    Question(
        "insert a generation",
        WRITE,
        f"""insert into learnplan.plan_generations {GENERATION}
select p.id, 'gpt-5', '"again"' from learnplan.learning_plans as p
where p.id = {{plan}} and p.user_id = {{me}}""",
        f"""insert into learnplan.plan_generations {GENERATION}
values ({{plan}}, 'gpt-5', '"again"')""",
        after="""select count(*), min(prompt::text) from learnplan.plan_generations
where plan_id = {plan}""",
    ),
    Question(
        "rename a task",
        WRITE,
        """update learnplan.tasks as t set title = 'Renamed'
from learnplan.modules as m
inner join learnplan.learning_plans as p on p.id = m.plan_id
where t.id = {task} and m.id = t.module_id and p.user_id = {me}""",
        "update learnplan.tasks set title = 'Renamed' where id = {task}",
        after="select title from learnplan.tasks where id = {task}",
    ),
    Question(
        "reorder 50 tasks",
        WRITE,
        """select learnplan.reorder_tasks(m.id, {order}) from learnplan.modules as m
inner join learnplan.learning_plans as p on p.id = m.plan_id
where m.id = {long_module} and p.user_id = {me}""",
        "select learnplan.reorder_tasks({long_module}, {order})",
        who=("long",),
        after="""select id from learnplan.tasks
where module_id = {long_module} order by "order\"""",
    ),
    Question(
        "move a module to another own plan",
        WRITE,
        """update learnplan.modules as m set plan_id = target.id, "order" = 99
from learnplan.learning_plans as p, learnplan.learning_plans as target
where m.id = {module} and p.id = m.plan_id and p.user_id = {me}
  and target.id = {other_plan} and target.user_id = {me}""",
        """update learnplan.modules set plan_id = {other_plan}, "order" = 99
where id = {module}""",
        after='select plan_id, "order" from learnplan.modules where id = {module}',
    ),
    Question(
        "delete a plan with all under it",
        WRITE,
        "delete from learnplan.learning_plans where id = {plan} and user_id = {me}",
        "delete from learnplan.learning_plans where id = {plan}",
        after="""select
  (select count(*) from learnplan.learning_plans where id = {plan}),
  (select count(*) from learnplan.modules where plan_id = {plan}),
  (select count(*) from learnplan.tasks where module_id = {module}),
  (select count(*) from learnplan.task_progress where task_id = {task}),
  (select count(*) from learnplan.plan_generations where plan_id = {plan})""",
    ),
)
