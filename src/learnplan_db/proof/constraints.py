"""
What the reference model lets a row hold: null, checks, unique and foreign keys.

The model's own account, written from the outline and never from the SQL. May import
only the nouns; asks nobody who they are.
Source: outline, the columns and constraints of §§ 1-8; design § 4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from learnplan_db.proof.nouns import KEYS, Row, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOT_NULL: Mapping[str, str] = {
    "users": "clerk_user_id email created_at updated_at",
    "learning_plans": "user_id topic skill_level weekly_hours learning_style"
    " visibility origin created_at updated_at",
    "modules": "plan_id order title estimated_minutes created_at updated_at",
    "tasks": "module_id order title estimated_minutes created_at updated_at",
    "resources": "type title url tags created_at",
    "task_resources": "task_id resource_id order created_at",
    "task_progress": "task_id user_id status created_at updated_at",
    "plan_generations": "plan_id model prompt created_at",
}
CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "order": lambda value: value >= 1,
    "weekly_hours": lambda value: value >= 0,
    "estimated_minutes": lambda value: value >= 0,
    "duration_minutes": lambda value: value >= 0,
    "cost_cents": lambda value: value >= 0,
    "visibility": lambda value: value in {"private", "public"},
    "origin": lambda value: value in {"ai", "template", "manual"},
    "subscription_tier": lambda value: value in {"free", "pro"},
    "url": lambda value: value.startswith(("http://", "https://")),
    "currency": lambda value: re.fullmatch("[A-Z]{3}", value) is not None,
}
UNIQUE: Mapping[str, tuple[str, ...]] = {
    "modules": ("plan_id", "order"),
    "tasks": ("module_id", "order"),
    "resources": ("url",),
    "task_resources": ("task_id", "resource_id"),
    "task_progress": ("task_id", "user_id"),
}
DEFAULTS = {"visibility": "private", "status": "not_started", "order": 1}


def value(row: Row, column: str) -> Any:
    """Return what a row holds in a column, by default what the database puts there."""
    return row.values.get(column, DEFAULTS.get(column))


def broken(world: World, row: Row) -> bool:
    """Whether a row of a world breaks a constraint."""
    keys = KEYS[row.table]
    if any(row.values.get(name, name) is None for name in NOT_NULL[row.table].split()):
        return True
    for name, check in CHECKS.items():
        if row.values.get(name) is not None and not check(row.values[name]):
            return True
    if any(not world.find(table, value(row, name)) for name, table in keys.items()):
        return True
    peers = [peer for peer in world.rows if peer.table == row.table]
    if sum(peer.id == row.id for peer in peers) > 1:
        return True
    names = UNIQUE.get(row.table, ())
    key = [value(row, name) for name in names]
    if not names or None in key:  # Not named: it has a value that no other row has.
        return False
    return sum([value(peer, name) for name in names] == key for peer in peers) > 1
