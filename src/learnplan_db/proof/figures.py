"""
What the views of progress must say, by the reference model.

A view may show the right rows with the wrong figures: somebody else's. Written from
the outline and never from the SQL. Plain Python: may import the nouns, ``constraints``
and ``reference``; never connects.
Source: outline, "Client mapping notes" and § 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnplan_db.proof.constraints import value
from learnplan_db.proof.nouns import VIEWS, Actor, Command, Row, World
from learnplan_db.proof.reference import identity, judge, plan_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Figures = Mapping[str, Any]

COMPLETED, STARTED, UNTOUCHED = "completed", "in_progress", "not_started"
MINUTES = 30  # what a task has that does not say how long it takes
HOUR = 60
# A percentage and hours are given with one decimal.
TOLERANCE = 0.1


def figures(world: World, actor: Actor, view: str) -> dict[str, Figures]:
    """
    Return the figures of all rows that a caller sees in a view, by their word.

    They are the caller's own progress. For who is no user, they are the plan owner's.
    """
    outcome, _ = judge(world, actor, Command("select", view))
    make = of_module if view == VIEWS[0] else of_plan
    table = "modules" if view == VIEWS[0] else "learning_plans"
    found = world.of(table)
    return {
        word: make(world, found[word], whose(world, actor, found[word]))
        for word in sorted(outcome.rows)
    }


def whose(world: World, actor: Actor, row: Row) -> str:
    """Return whose progress a caller is shown."""
    plan = plan_of(world, row)
    return identity(world, actor) or str(plan and value(plan, "user_id"))


def of_module(world: World, module: Row, user: str) -> dict[str, Any]:
    """Return the figures of a module: it is complete when all of its tasks are."""
    tasks = [
        t for t in world.of("tasks").values() if t.values["module_id"] == module.id
    ]
    states = {
        row.values["task_id"]: value(row, "status")
        for row in world.of("task_progress").values()
        if row.values["user_id"] == user
    }
    done = [task for task in tasks if states.get(task.id) == COMPLETED]
    begun = any(states.get(task.id) in {COMPLETED, STARTED} for task in tasks)
    complete = bool(tasks) and len(done) == len(tasks)
    return {
        "user_id": user,
        "completed_tasks": len(done),
        "total_tasks": len(tasks),
        "status": COMPLETED if complete else STARTED if begun else UNTOUCHED,
        "percentage": 100 * len(done) / len(tasks) if tasks else 0,
        "completed_minutes": minutes(done),
        "total_minutes": minutes(tasks),
    }


def of_plan(world: World, plan: Row, user: str) -> dict[str, Any]:
    """Return the figures of a plan: a week is a module, the current one is not done."""
    modules = [
        m for m in world.of("modules").values() if m.values["plan_id"] == plan.id
    ]
    modules.sort(key=lambda module: value(module, "order"))
    weeks = [of_module(world, module, user) for module in modules]
    before = next(
        (n for n, week in enumerate(weeks) if week["status"] != COMPLETED), len(weeks)
    )
    summed = {
        name: sum(week[name] for week in weeks)
        for name in (
            "completed_tasks",
            "total_tasks",
            "completed_minutes",
            "total_minutes",
        )
    }
    total = summed["total_tasks"]
    return {
        "user_id": user,
        **summed,
        "percentage": 100 * summed["completed_tasks"] / total if total else 0,
        "total_weeks": len(weeks),
        "current_week": min(len(weeks), before + 1),
        "completed_hours": summed["completed_minutes"] / HOUR,
        "total_hours": summed["total_minutes"] / HOUR,
    }


def minutes(tasks: Iterable[Row]) -> int:
    """Return how long tasks take."""
    return sum(task.values.get("estimated_minutes", MINUTES) for task in tasks)


def differing(expected: Figures, got: Figures) -> list[str]:
    """Return the columns that do not hold what they must, with both figures."""
    return [
        f"{name} {got.get(name)} instead of {wanted}"
        for name, wanted in expected.items()
        if not _same(wanted, got.get(name))
    ]


def _same(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, str) or isinstance(got, str) or got is None:
        return bool(wanted == got)
    return bool(abs(wanted - got) < TOLERANCE)
