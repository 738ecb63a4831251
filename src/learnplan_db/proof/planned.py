"""
Is a database at the plan that the matrix speaks of.

May import lower floors; only reads, never prints.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg

from learnplan_db.engine import state
from learnplan_db.errors import ProofError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnplan_db.engine.registry import Applied
    from learnplan_db.engine.state import Project

# Whatever the login's own is.
_PATIENCE = "set local statement_timeout = '10s'"


def demand_same_plan(connection: psycopg.Connection[Any], project: Project) -> None:
    """
    Raise if the database is at another change than the matrix speaks of.

    Nothing is said where the login may not read the registry, or there is none: the
    catalog is looked at in any case.
    """
    registry = project.registry(connection)
    applied: Sequence[Applied] = []
    with (
        suppress(psycopg.errors.InsufficientPrivilege),
        connection.transaction(force_rollback=True),
    ):
        connection.execute(_PATIENCE)
        if state.has_registry(registry):
            applied = registry.applied(project.plan.project)
    planned = {change.id for change in project.plan.changes}
    deployed = {one.change_id for one in applied}
    if deployed - planned:
        raise state.disagreement(project, applied, registry)
    behind = [c.name for c in project.plan.changes if c.id not in deployed]
    if applied and behind:
        raise ProofError.behind(behind, project.target.name)
