"""
What an application asks most, and the shape of the plan that PostgreSQL must choose.

Rows and ids are those of tests/shapes.sql. ``user 1`` owns four plans.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from plan_shapes import the

ME, PLAN, OTHER = the("user", 1), the("plan", 1), the("plan", 2)
MODULE, TASK = the("module", "1.1"), the("task", "1.1.1")
WHO = "users(clerk_user_id)"  # who is asking
THE_PLAN = {"learning_plans(id)", WHO}  # who may read, or write, what is in it
THE_MODULE = THE_PLAN | {"modules(id)"}
THE_TASK = THE_MODULE | {"tasks(id)"}
PAGE = """
    select * from learnplan.modules as m
    left join learnplan.tasks as t on t.module_id = m.id
    left join learnplan.task_resources as l on l.task_id = t.id
    left join learnplan.resources as r on r.id = l.resource_id
    where m.plan_id = %s order by m."order", t."order", l."order"
"""
PAGE_PATHS = THE_TASK | {
    *("modules(plan_id)", "tasks(module_id)", "task_resources(task_id)"),
    "resources(id)",
}
PROGRESS_PATHS = THE_MODULE | {
    *("modules(plan_id)", "tasks(module_id)", "task_progress(task_id)"),
}
BELOW_PLANS = {
    *("modules(plan_id)", "plan_generations(plan_id)", "tasks(module_id)"),
    *("task_resources(task_id)", "task_progress(task_id)"),
}


@dataclass(frozen=True)
class Query:
    """
    A statement, who runs it, and the shape that its plans must have.

    ``kept`` has, of each cache of parents, how many keys it looked up and how many rows
    it knew the answer for; null is a key also, of a row whose parent was hidden.
    """

    text: str
    arguments: tuple[Any, ...]
    paths: set[str]
    kept: list[tuple[int, int]] = field(default_factory=list)
    rows: int = 1
    who: str = "user 1"


QUERIES = {
    "dashboard": Query(
        "select * from learnplan.learning_plans as p"
        " inner join learnplan.plan_progress as pp on pp.plan_id = p.id"
        " where p.user_id = %s order by p.created_at desc",
        (ME,),
        PROGRESS_PATHS | {"learning_plans(user_id)"},
        [(4, 16), (4, 16), (20, 106)],
        rows=4,
    ),
    "page of a plan": Query(
        PAGE,
        (PLAN,),
        PAGE_PATHS,
        [(1, 4), (1, 4), (1, 4), (5, 0), (5, 0), (5, 61)],
        rows=66,
    ),
    "page of a public plan": Query(
        PAGE,
        (the("plan", 20),),
        PAGE_PATHS,
        [(1, 4), (1, 4), (1, 4), (5, 0), (5, 0), (5, 15)],
        rows=20,
    ),
    "page of a hidden plan": Query(
        PAGE,
        (the("plan", 7),),
        THE_PLAN | {"modules(plan_id)"},
        [(2, 18)],
        rows=0,
    ),
    "tasks of a module": Query(
        'select * from learnplan.tasks where module_id = %s order by "order"',
        (MODULE,),
        THE_MODULE | {"tasks(module_id)"},
        [(1, 0), (1, 49)],
        rows=50,
    ),
    "tasks of a hidden module": Query(
        'select * from learnplan.tasks where module_id = %s order by "order"',
        (the("module", "7.1"),),
        THE_MODULE | {"tasks(module_id)"},
        [(2, 2), (2, 14)],
        rows=0,
    ),
    "own progress of a plan": Query(
        "select tp.* from learnplan.modules as m"
        " inner join learnplan.tasks as t on t.module_id = m.id"
        " inner join learnplan.task_progress as tp on tp.task_id = t.id"
        " where m.plan_id = %s and tp.user_id = %s",
        (PLAN, ME),
        PROGRESS_PATHS,
        [(1, 4), (1, 4), (5, 61)],
        rows=8,
    ),
    "all own progress": Query(
        "select * from learnplan.task_progress where user_id = %s",
        (ME,),
        {"task_progress(user_id)", WHO},
        rows=32,
    ),
    "plan_progress": Query(
        "select * from learnplan.plan_progress where plan_id = %s",
        (PLAN,),
        PROGRESS_PATHS,
        [(1, 4), (1, 4), (5, 61)],
    ),
    "module_progress": Query(
        "select * from learnplan.module_progress where plan_id = %s",
        (PLAN,),
        PROGRESS_PATHS,
        [(1, 4), (1, 4), (5, 61)],
        rows=5,
    ),
    "browse": Query(
        "select * from learnplan.learning_plans where visibility = 'public'"
        " order by created_at desc limit 20",
        (),
        {"learning_plans(created_at)", WHO},
        rows=20,
    ),
    "generations of a plan": Query(
        "select * from learnplan.plan_generations where plan_id = %s",
        (PLAN,),
        THE_PLAN | {"plan_generations(plan_id)"},
        [(1, 1)],
        rows=2,
    ),
    "upsert of progress": Query(
        "insert into learnplan.task_progress (task_id, user_id, status)"
        " values (%s, %s, 'in_progress') on conflict (task_id, user_id)"
        " do update set status = excluded.status returning id",
        (TASK, ME),
        THE_TASK,
    ),
    "insert of a module": Query(
        'insert into learnplan.modules (plan_id, "order", title, estimated_minutes)'
        " values (%s, 9, 'x', 1) returning id",
        (PLAN,),
        THE_PLAN,
        [(1, 0)],
    ),
    "insert of a task": Query(
        'insert into learnplan.tasks (module_id, "order", title, estimated_minutes)'
        " values (%s, 99, 'x', 1) returning id",
        (MODULE,),
        THE_MODULE,
        [(1, 0), (1, 0)],
    ),
    "insert of a link": Query(
        'insert into learnplan.task_resources (task_id, resource_id, "order")'
        " values (%s, %s, 2) returning id",
        (TASK, the("resource", 9)),
        THE_TASK | {"resources(id)"},
        [(1, 0), (1, 0), (1, 0)],
    ),
    "insert of a generation": Query(
        "insert into learnplan.plan_generations (plan_id, model, prompt)"
        " values (%s, 'model', '\"x\"') returning id",
        (PLAN,),
        THE_PLAN,
        [(1, 0)],
    ),
    "reorder of 50 tasks": Query(
        "select learnplan.reorder_tasks(%s, %s)",
        (MODULE, [the("task", f"1.1.{number}") for number in range(50, 0, -1)]),
        THE_TASK | {"tasks(module_id)"},
        [(1, 0)] * 11 + [(1, 49)] * 11,
    ),
    "move of a module": Query(
        'update learnplan.modules set plan_id = %s, "order" = 9 where id = %s',
        (OTHER, MODULE),
        THE_MODULE,
        [(1, 0)] * 4,
    ),
    "delete of a plan": Query(
        "delete from learnplan.learning_plans where id = %s",
        (PLAN,),
        THE_PLAN | BELOW_PLANS,
    ),
    "plan_tree()": Query(
        "select * from learnplan.plan_tree(%s)",
        (PLAN,),
        PAGE_PATHS - {"modules(id)", "tasks(id)"},
        rows=66,
    ),
    "plan_progress_of()": Query(
        "select * from learnplan.plan_progress_of(%s)",
        (PLAN,),
        PROGRESS_PATHS - {"modules(id)"},
    ),
    "my_progress()": Query(
        "select * from learnplan.my_progress()",
        (),
        {
            *("learning_plans(user_id)", "modules(plan_id)", "tasks(module_id)"),
            *("task_progress(user_id)", WHO),
        },
        rows=4,
    ),
    "search_public_plans()": Query(
        "select * from learnplan.search_public_plans('subject 1980')",
        (),
        {"learning_plans(created_at)", WHO},
    ),
    "export": Query(
        "select * from learnplan.learning_plans as p"
        " left join learnplan.modules as m on m.plan_id = p.id"
        " left join learnplan.tasks as t on t.module_id = m.id"
        " left join learnplan.task_resources as l on l.task_id = t.id"
        " left join learnplan.task_progress as tp"
        "  on tp.task_id = t.id and tp.user_id = p.user_id"
        " where p.user_id = %s",
        (ME,),
        {
            *("learning_plans(user_id)", "modules(plan_id)", "tasks(module_id)"),
            *("task_resources(task_id)", "task_progress(task_id)"),
        },
        rows=126,
        who="service_role",
    ),
    "delete of a user": Query(
        "delete from learnplan.users where id = %s",
        (ME,),
        BELOW_PLANS
        | {"users(id)", "learning_plans(user_id)", "task_progress(user_id)"},
        who="service_role",
    ),
    "delete of a resource": Query(
        "delete from learnplan.resources where id = %s",
        (the("resource", 3),),
        {"resources(id)", "task_resources(resource_id)"},
        who="service_role",
    ),
}
# Before the first ANALYZE, PostgreSQL guesses that each column has 200 values. The joins
# of these two then begin elsewhere: so they do without row security.
UNANALYZED = QUERIES | {
    "own progress of a plan": replace(
        QUERIES["own progress of a plan"],
        paths=THE_TASK | {"modules(plan_id)", "task_progress(user_id)"},
        kept=[(1, 4), (4, 4), (8, 24)],
    ),
    "export": replace(
        QUERIES["export"],
        paths=QUERIES["export"].paths - {"modules(plan_id)"} | {"modules: Seq Scan"},
    ),
}
