"""
What a question is, and the parts of SQL that questions share. Pure; never prints.

A name in braces is a parameter, of a type in ``TYPES``.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPES = {
    "me": "uuid",
    "plan": "uuid",
    "other_plan": "uuid",
    "module": "uuid",
    "task": "uuid",
    "open_task": "uuid",
    "resource": "uuid",
    "public_plan": "uuid",
    "public_task": "uuid",
    "long_module": "uuid",
    "order": "uuid[]",
    "word": "text",
    "rare": "text",
}
TABLES = (
    "users",
    "learning_plans",
    "modules",
    "tasks",
    "resources",
    "task_resources",
    "task_progress",
    "plan_generations",
)
READ, WRITE = "read", "write"
ONE, PEOPLE = "one", "all"  # whose rows: one user's or plan's; everybody's


ME = "(select learnplan.current_user_id())"
READABLE = "(p.user_id = {me} or p.visibility = 'public')"
UP = """inner join learnplan.modules as m on m.id = t.module_id
inner join learnplan.learning_plans as p on p.id = m.plan_id"""


@dataclass(frozen=True, slots=True)
class Question:
    """
    One statement in up to three wordings.

    Args: hand: row security off, access said in the statement; caller: with policies,
        which say it; accessor: a function that says it; who: who asks, a name of
        ``bench.people``; single: a read of one table; after: for a write, what it
        left, to be read by the superuser; service: asked by service_role.
    """

    name: str
    kind: str
    hand: str
    caller: str
    accessor: str | None = None
    who: tuple[str, ...] = ("small",)
    rows: str = ONE
    single: bool = False
    after: str | None = None
    service: bool = False
