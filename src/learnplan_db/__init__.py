"""Deploy, protect and prove the learning-plan schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnplan_db.errors import LearnplanError

if TYPE_CHECKING:
    from learnplan_db.security.personas import acting_as

__all__ = ["LearnplanError", "acting_as"]


def __getattr__(name: str) -> Any:
    """Import acting_as when it is asked for: most commands start without psycopg."""
    if name != "acting_as":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from learnplan_db.security.personas import acting_as  # noqa: PLC0415 - slow import

    return acting_as
