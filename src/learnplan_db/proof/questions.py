"""
A question that no cell can ask, and the world that all of them are asked in.

May import nouns and statements; never connects.
Source: design §§ 4-6.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from learnplan_db.proof.nouns import TABLES, Row, World

NULL = "null"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# By plan: whose it is, and the first place in its lists.
PLANS = {"private": ("ada", 1), "public": ("ada", 11), "other": ("ben", 1)}


@dataclass(frozen=True, slots=True)
class Question:
    """
    One statement of one caller, and its answer.

    ``table`` is what it is about, "functions" too. ``claims`` is the setting's text.
    ``answer`` is the first value of the first row as text, or why it is refused; it is
    empty for a function without a value. ``check`` is asked after it, by the service,
    and must be true.
    """

    name: str
    table: str
    rule: str
    kind: str
    claims: str
    statement: str
    answer: str
    check: str = ""


def user(  # noqa: PLR0913 - as the question
    name: str,
    rule: str,
    claims: Any,
    statement: str,
    answer: str,
    *,
    table: str = "functions",
) -> Question:
    """Return a question of a signed-in user."""
    told = claims if isinstance(claims, str) else json.dumps(claims)
    return Question(name, table, rule, "user", told, statement, answer)


def world() -> World:
    """
    Return lists of two in three plans, the second module of each without a task.

    Ada has completed a task of each module of hers and begun another; ben has
    completed all of her public plan.
    """
    rows = [Row("users", "ada"), Row("users", "ben"), Row("resources", "site")]
    for plan, (owner, first) in PLANS.items():
        visibility = "public" if plan == "public" else "private"
        values = {"user_id": owner, "visibility": visibility}
        rows.append(Row("learning_plans", plan, values))
        for n in (1, 2):
            place = {"order": first + n - 1}
            rows.append(Row("modules", f"{plan}-{n}", {"plan_id": plan, **place}))
            task: dict[str, Any] = {
                "module_id": f"{plan}-1",
                **place,
                "estimated_minutes": 10 * n,
            }
            rows.append(Row("tasks", f"{plan}-{n}", task))
    for below, who, status in (
        ("private-1", "ada", "completed"),
        ("private-2", "ada", "in_progress"),
        ("public-1", "ben", "completed"),
        ("public-2", "ben", "completed"),
        ("public-1", "ada", "in_progress"),
    ):
        made: dict[str, Any] = {"task_id": below, "user_id": who, "status": status}
        if status == "completed":
            made["completed_at"] = LONG_AGO
        rows.append(Row("task_progress", f"{below}-{who}", made))
    return World(tuple(sorted(rows, key=lambda row: TABLES.index(row.table))))
