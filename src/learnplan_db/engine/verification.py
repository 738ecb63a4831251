"""
Verify and check: is the database what the plan says, and are the scripts as deployed.

May import lower floors; writes nothing but what a verify script does; never prints.
Source: Sqitch 1.3.1, verify and check.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnplan_db.engine.progress import NO_VARIABLES, Progress, silent
from learnplan_db.engine.session import fit, told
from learnplan_db.engine.state import (
    as_changes,
    demand_registry,
    divergence,
    find_applied,
)
from learnplan_db.engine.work import Work
from learnplan_db.errors import (
    ConnectError,
    LearnplanError,
    PlanError,
    RegistryError,
    ScriptError,
)
from learnplan_db.plans import plan as plans

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from learnplan_db.engine.progress import Tell
    from learnplan_db.engine.registry import Applied
    from learnplan_db.engine.state import Project
    from learnplan_db.model import Change

    Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Verification:
    """
    What verify found: ``failures`` are (change, reason), one change perhaps twice.

    ``checked`` counts the deployed changes of the range, ``total`` those of the range
    in the plan or in the database, whichever are more; ``pending`` come after them.
    """

    checked: int
    failures: tuple[tuple[str, LearnplanError], ...]
    pending: tuple[Change, ...]
    total: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """How many deployed changes were compared, and those whose script differs now."""

    checked: int
    differing: tuple[Applied, ...]


@dataclass(frozen=True, slots=True)
class _Range:
    """Deployed changes, and the part of the plan they should be."""

    applied: list[Applied]
    first: int
    last: int


def verify(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    project: Project,
    *,
    first: str | None = None,
    last: str | None = None,
    variables: Mapping[str, str] = NO_VARIABLES,
    client: str | None = None,
    tell: Tell = silent,
) -> Verification:
    """
    Run the verify script of every deployed change; collect all that fails.

    Args: first, last: deployed changes between which to verify.
    Raises: RegistryError: there is no registry, or no such change.
    """
    work = Work(connection, project, tell, variables, client=client)
    with told(connection), fit(connection, reading=True):
        demand_registry(work.registry, project.target)
        tell(Progress("verifying"))
        everything = work.registry.applied(project.plan.project)
        if everything and not project.plan.changes:
            raise RegistryError.no_plan_changes(project.plan.source)
        part = _range(project, everything, first, last)
        work.tell_others(() if everything else work.registry.projects())
    changes = {c.id: c for c in as_changes(project, everything)}
    planned = project.plan.changes[part.first : part.last + 1]
    labels = [one.label for one in part.applied] + [c.label for c in planned]
    work.width = max(map(len, labels), default=0)
    with told(connection):
        work.execution.prepare()
    try:
        failures = [
            failure
            for offset, one in enumerate(part.applied)
            for failure in _verify_one(
                work, one, changes[one.change_id], part.first + offset
            )
        ]
    finally:
        work.leave()
    seen = {one.change_id for one in part.applied}
    for change in planned:
        if part.applied and change.id not in seen:
            error = RegistryError("the change is not deployed")
            failures.append((change.name, error))
            tell(Progress("not-deployed", change.label, "not ok", width=work.width))
    pending = () if last or not part.applied else project.plan.changes[part.last + 1 :]
    total = max(len(part.applied), part.last - part.first + 1) if part.applied else 0
    return Verification(len(part.applied), tuple(failures), pending, total)


def check(
    connection: Connection,
    project: Project,
    *,
    first: str | None = None,
    last: str | None = None,
    tell: Tell = silent,
) -> Check:
    """
    Compare the scripts with those that were deployed; only reads.

    Raises: RegistryError: there is no registry, or no such change.
    """
    work = Work(connection, project, tell)
    with told(connection):
        demand_registry(work.registry, project.target)
        tell(Progress("checking"))
        applied = work.registry.applied(project.plan.project)
        part = _range(project, applied, first, last)
    place = divergence(project, part.applied, part.first)
    differing = []
    planned = project.plan.changes
    for offset, one in enumerate(part.applied):
        index = part.first + offset
        if place is not None and offset >= place:
            alike = index < len(planned) and (
                project.scripts.script_hash(planned[index]) == one.script_hash
            )
            differing += [] if alike else [one]
    return Check(len(part.applied), tuple(differing))


def _range(
    project: Project, applied: list[Applied], first: str | None, last: str | None
) -> _Range:
    """Return what lies between two deployed changes."""
    if not applied:
        return _Range([], 0, len(project.plan.changes) - 1)
    start, place = (0, 0) if first is None else _place(project, applied, first)
    if last is not None:
        end, index = _place(project, applied, last)
    else:
        end = len(applied) - 1
        found = plans.by_id(project.plan, applied[-1].change_id)
        index = found.index if found else len(project.plan.changes) - 1
    if end < start:
        raise RegistryError.backwards(first or "ROOT", last or "HEAD")
    return _Range(applied[start : end + 1], place, index)


def _place(project: Project, applied: Sequence[Applied], spec: str) -> tuple[int, int]:
    """Return the positions of a deployed change, among the deployed and in the plan."""
    found = find_applied(applied, spec)
    if found is None:
        planned = plans.contains(project.plan, spec)
        raise RegistryError.not_deployed(spec, planned=planned)
    change = plans.by_id(project.plan, applied[found].change_id)
    if change is None:
        raise RegistryError.not_planned(spec)
    return found, change.index


def _gone(work: Work, one: Applied) -> bool:
    """Tell whether somebody reverted a change since it was read what is deployed."""
    with told(work.connection):
        applied = work.registry.applied(work.project.plan.project)
    there = {(now.change_id, now.committed_at) for now in applied}
    return (one.change_id, one.committed_at) not in there


def _verify_one(
    work: Work, one: Applied, change: Change, expected: int
) -> list[tuple[str, LearnplanError]]:
    """Return what is wrong with one deployed change."""
    failures: list[LearnplanError] = []
    began = time.monotonic()
    planned = plans.by_id(work.project.plan, one.change_id)
    work.tell(Progress("verify", one.label, "start", width=work.width))
    if planned is None:
        work.tell(Progress("comment", detail="Not present in the plan"))
        failures.append(RegistryError("the change is deployed, but not planned"))
    elif planned.index != expected:
        work.tell(Progress("comment", detail="Out of order"))
        failures.append(
            RegistryError("the change was deployed in another order than planned")
        )
    if not planned or not planned.reworked_tags:
        try:
            work.verify(change)
        except (ScriptError, PlanError) as error:
            if work.connection.closed:
                raise ConnectError(
                    error.message, where=error.where, fix=error.fix
                ) from error
            if _gone(work, one):
                work.tell(Progress("comment", detail="Reverted meanwhile"))
                work.tell(Progress("verify", one.label, "ok", width=work.width))
                return []
            shown = work.project.scripts.shown("verify", change)
            work.tell(Progress("failed", error=error))
            text = f'Verify script "{shown}" failed.'
            work.tell(Progress("comment", detail=text))
            failures.append(error)
    state, took = "not ok" if failures else "ok", time.monotonic() - began
    work.tell(Progress("verify", one.label, state, took, width=work.width))
    return [(one.name, error) for error in failures]
