"""
Deploy, protect and prove the learning-plan schema.

The calls of the library, each with what it takes, returns and raises in its docstring;
learnplan_db.aio has the same to be awaited, learnplan_db.ext.sqlalchemy what
SQLAlchemy needs. All is imported when it is asked for: to import the package costs
next to nothing, and does nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from learnplan_db.errors import AheadWarning, BehindError, LearnplanError

if TYPE_CHECKING:
    from learnplan_db import aio
    from learnplan_db.api.questions import plan_sql, prove, require, status
    from learnplan_db.api.results import (
        DeployedChange,
        DeployResult,
        Event,
        Failure,
        PendingChange,
        ProofResult,
        RanChange,
        Requirement,
        RevertResult,
        StatusResult,
        VerifyResult,
    )
    from learnplan_db.api.scripts import deploy, revert, verify
    from learnplan_db.security.personas import acting_as

__all__ = [
    "AheadWarning",
    "BehindError",
    "DeployResult",
    "DeployedChange",
    "Event",
    "Failure",
    "LearnplanError",
    "PendingChange",
    "ProofResult",
    "RanChange",
    "Requirement",
    "RevertResult",
    "StatusResult",
    "VerifyResult",
    "acting_as",
    "aio",
    "deploy",
    "plan_sql",
    "prove",
    "require",
    "revert",
    "status",
    "verify",
]
_HOMES = {
    "acting_as": "security.personas",
    **dict.fromkeys(("deploy", "revert", "verify"), "api.scripts"),
    **dict.fromkeys(("plan_sql", "prove", "require", "status"), "api.questions"),
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: most commands start without psycopg."""
    if name == "aio":
        return import_module(f"{__name__}.aio")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES.get(name, 'api.results')}")
    return getattr(home, name)


def __dir__() -> list[str]:
    """Return what may be asked for, beside what is there."""
    return sorted({*globals(), *__all__})
