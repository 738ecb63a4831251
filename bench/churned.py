"""What changes in the tables of bench.churn, as data. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# In an order that has nothing to do with where rows lie; progress is there on half.
NUMBERED = """
create table public.late as
  select t.id, p.user_id, row_number() over (order by md5(t.id::text)) as n
  from learnplan.tasks as t
  inner join learnplan.modules as m on m.id = t.module_id
  inner join learnplan.learning_plans as p on p.id = m.plan_id
  where m."order" > 4;
create table public.many as
  select id, row_number() over (order by md5(id::text)) as n from learnplan.tasks;
create table public.few as
  select id, row_number() over (order by md5(id::text)) as n
  from learnplan.learning_plans;
create table public.some as
  select id, row_number() over (order by md5(id::text)) as n from learnplan.modules;
create index on public.late (n); create index on public.many (n);
create index on public.few (n); create index on public.some (n);
"""


@dataclass(frozen=True, slots=True)
class Change:
    """A kind of change: to what share of which numbered rows a round does it."""

    name: str
    table: str
    numbered: str
    share: float
    statement: str


CHANGES = (
    Change(
        "progress, first time",
        "task_progress",
        "late",
        0.025,
        """
        insert into learnplan.task_progress (task_id, user_id, status)
        select id, user_id, 'in_progress' from public.late
        where n > %(first)s and n <= %(last)s on conflict do nothing""",
    ),
    Change(
        "progress, changed a round later",
        "task_progress",
        "late",
        0.025,
        """
        update learnplan.task_progress as p set status = 'completed'
        from public.late as l
        where l.n > %(first)s and l.n <= %(last)s
          and p.task_id = l.id and p.user_id = l.user_id""",
    ),
    Change(
        "a plan's deadline",
        "learning_plans",
        "few",
        0.05,
        """
        update learnplan.learning_plans as p
        set deadline_date = coalesce(deadline_date, '2026-01-01') + 1
        from public.few as l
        where l.n > %(first)s and l.n <= %(last)s and p.id = l.id""",
    ),
    Change(
        "a task's title",
        "tasks",
        "many",
        0.025,
        """
        update learnplan.tasks as t set title = title || '.' from public.many as l
        where l.n > %(first)s and l.n <= %(last)s and t.id = l.id""",
    ),
    Change(
        "tasks of a module reordered",
        "tasks",
        "some",
        0.025,
        """
        select learnplan.reorder_tasks(l.id, array(
          select t.id from learnplan.tasks as t
          where t.module_id = l.id order by t."order" desc))
        from public.some as l where l.n > %(first)s and l.n <= %(last)s""",
    ),
)
