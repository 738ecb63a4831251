"""
Which columns whom the reference model lets use: privileges, asked before any row.

The model's own account, written from the outline and never from the SQL or the
matrix. May import only the nouns; knows no row.
Source: outline, "RLS policies" of §§ 1-8; design § 6, column grants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.proof.nouns import TABLES, VIEWS, Command

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT = (
    "learning_plans",
    "modules",
    "tasks",
    "task_resources",
    "task_progress",
    "plan_generations",
)
GRANTS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "anonymous": {},
    "user": {
        "select": dict.fromkeys((*TABLES, *VIEWS), "*"),
        "insert": {
            "users": "id clerk_user_id email name",
            **dict.fromkeys(CONTENT, "*"),
        },
        "update": {
            "users": "name",
            "learning_plans": "topic skill_level weekly_hours learning_style"
            " start_date deadline_date visibility",
            "modules": "plan_id order title description estimated_minutes",
            "tasks": "module_id order title description estimated_minutes",
            "task_resources": "order notes",
            "task_progress": "status",
            "plan_generations": "model prompt parameters output_summary",
        },
        "delete": dict.fromkeys(CONTENT, "*"),
    },
    "service": {
        "select": dict.fromkeys((*TABLES, *VIEWS), "*"),
        "insert": dict.fromkeys(TABLES, "*"),
        "update": dict.fromkeys(TABLES, "*"),
        "delete": dict.fromkeys(TABLES, "*"),
    },
}
# "Prevent changing user_id"; "forbid changing task_id or user_id": for everybody.
NEVER_CHANGES = {"learning_plans": {"user_id"}, "task_progress": {"task_id", "user_id"}}
CALLABLE = {
    "current_claims",
    "current_subject",
    "current_verified_email",
    "current_user_id",
    "weekly_hours",
    "reorder_modules",
    "reorder_tasks",
}
# "For who signed in": the service reads the tables themselves.
ACCESSORS = {"plan_tree", "plan_progress_of", "my_progress", "search_public_plans"}
# The prover calls these on a list of this user's.
REORDERED = "ada"


def granted(kind: str, command: Command) -> bool:
    """Whether a kind of actor has the privileges that a command needs."""
    columns = GRANTS[kind].get(command.verb, {}).get(command.table)
    if columns is None:
        return False
    given = set(command.values) if command.verb in {"insert", "update"} else set()
    if command.verb == "update" and given & NEVER_CHANGES.get(command.table, set()):
        return False
    return columns == "*" or given <= set(columns.split())
