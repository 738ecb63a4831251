"""
What rows may have beside what the rules look at, so that a rule that looks is found.

May import nothing of the package; holds no rule.
Source: outline, columns of §§ 1-8.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# What only the private rows, and those of no plan, have: a rule that looks at one of
# these, and must not, says something else about them than about the public ones.
_STAMPED = {"created_at": LONG_AGO, "updated_at": LONG_AGO}
DRESS: Mapping[str, Mapping[str, Any]] = {
    "users": {"name": "Somebody", "subscription_tier": "pro", **_STAMPED},
    "learning_plans": {
        "skill_level": "intermediate",
        "weekly_hours": 0,
        "learning_style": "practice",
        "start_date": date(2000, 1, 1),
        "deadline_date": date(2000, 2, 1),
        "origin": "template",
        **_STAMPED,
    },
    "modules": {"description": "Old", "estimated_minutes": 0, **_STAMPED},
    "tasks": {"description": "Old", "estimated_minutes": 0, **_STAMPED},
    "resources": {
        "type": "other",
        "author": "Somebody",
        "duration_minutes": 0,
        "cost_cents": 900,
        "currency": "USD",
        "tags": ["old"],
        "created_at": LONG_AGO,
    },
    "task_resources": {"notes": "Old", "created_at": LONG_AGO},
    "task_progress": {"completed_at": LONG_AGO, **_STAMPED},
    "plan_generations": {
        "parameters": {"old": True},
        "output_summary": {"old": True},
        "created_at": LONG_AGO,
    },
}
# What rows may also have: no rule may look at any of these.
_OLD: dict[str, tuple[Any, ...]] = {
    "created_at": (LONG_AGO,),
    "updated_at": (LONG_AGO,),
}
_PLACE = {"description": ("Said",), "estimated_minutes": (0, 45), **_OLD}
TRIMMINGS: dict[str, dict[str, tuple[Any, ...]]] = {
    "users": {"name": ("Somebody",), "subscription_tier": ("pro",), **_OLD},
    "learning_plans": {
        "skill_level": ("intermediate", "advanced"),
        "weekly_hours": (0, 25),
        "learning_style": ("reading", "video", "practice"),
        "start_date": (LONG_AGO.date(),),
        "deadline_date": (LONG_AGO.date(),),
        "origin": ("template", "manual"),
        **_OLD,
    },
    "modules": _PLACE,
    "tasks": _PLACE,
    "resources": {
        "type": ("youtube", "article", "course", "other"),
        "author": ("Somebody",),
        "duration_minutes": (0, 90),
        "cost_cents": (0, 900),
        "currency": ("USD",),
        "tags": (["said"],),
        "created_at": (LONG_AGO,),
    },
    "task_resources": {"notes": ("Said",), "created_at": (LONG_AGO,)},
    "task_progress": {"status": ("completed", "in_progress"), **_OLD},
    "plan_generations": {
        "parameters": ({"said": True},),
        "output_summary": ({"said": True},),
        "created_at": (LONG_AGO,),
    },
}
