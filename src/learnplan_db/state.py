"""
What is deployed, beside what is planned: the questions that come before any script.

May import lower floors; only reads, never prints.
Source: Sqitch 1.3.1, dependencies and targets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from learnplan_db import config, registry
from learnplan_db import plan as plans
from learnplan_db.errors import PlanError, RegistryError
from learnplan_db.scripts import Scripts
from learnplan_db.session import told

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

    from learnplan_db.model import Change, Plan, Planner
    from learnplan_db.registry import Applied

    Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Project:
    """A plan with its scripts, and who runs it."""

    plan: Plan
    scripts: Scripts
    committer: Planner


@dataclass(frozen=True, slots=True)
class Status:
    """What is deployed (oldest first), what is pending, and who else is registered."""

    project: str
    applied: tuple[Applied, ...]
    pending: tuple[Change, ...]
    other_projects: tuple[str, ...]


def load(root: Path) -> Project:
    """
    Return the project of a directory.

    Raises: PlanError: the plan is missing, empty or malformed.
    """
    top = root / "sql"
    shown = "sql/sqitch.plan"
    try:
        data = (top / "sqitch.plan").read_bytes()
    except OSError as error:
        raise PlanError.no_file(shown, error) from error
    plan = plans.parse(data, shown)
    if not plan.changes:
        raise PlanError.no_changes(shown)
    return Project(plan, Scripts(top), config.committer())


def has_registry(connection: Connection) -> bool:
    """
    Tell whether there is a registry.

    Raises: RegistryError: it is of another version than ours.
    """
    found = registry.version(connection)
    if found not in {None, registry.VERSION}:
        where = config.display(connection.info.dsn)
        raise RegistryError.other_version(found or 0, registry.VERSION, where)
    return found is not None


def _position(project: Project, applied: list[Applied]) -> int:
    """
    Return how many changes of the plan are deployed.

    Raises: RegistryError: the newest deployed change is not in the plan.
    """
    if not applied:
        return 0
    newest = applied[-1]
    by_id = {change.id: change.index for change in project.plan.changes}
    if newest.change_id in by_id:
        return by_id[newest.change_id] + 1
    names = {change.name for change in project.plan.changes}
    beyond = [a.name for a in applied if a.name not in names]
    first = next(a.name for a in applied if a.change_id not in by_id)
    raise RegistryError.not_our_plan(project.plan.project, first, beyond)


def status(connection: Connection, project: Project) -> Status:
    """Return what is deployed and what is pending; only reads."""
    with told(connection):
        if not has_registry(connection):
            return Status(project.plan.project, (), project.plan.changes, ())
        applied = registry.applied(connection, project.plan.project)
        known = registry.projects(connection)
    others = tuple(name for name in known if name != project.plan.project)
    pending = project.plan.changes[_position(project, applied) :]
    return Status(project.plan.project, tuple(applied), pending, others)


def pending_changes(
    connection: Connection, project: Project, target: Change
) -> tuple[list[Change], Change | None]:
    """
    Return what is to be deployed, and the newest change if it lacks a tag; only reads.

    Raises: RegistryError: a conflict, a requirement that is not met, a repeated script.
    """
    applied = []
    if has_registry(connection):
        applied = registry.applied(connection, project.plan.project)
    position = _position(project, applied)
    if position > target.index + 1:
        raise RegistryError.earlier_target(target.name, applied[-1].name)
    untagged = None
    if position:
        newest = project.plan.changes[position - 1]
        if {f"@{tag.name}" for tag in newest.tags} - set(applied[-1].tags):
            untagged = newest
    pending = list(project.plan.changes[position : target.index + 1])
    _check_dependencies(project, applied, pending)
    _check_hashes(project, applied, pending)
    return pending, untagged


def _check_dependencies(
    project: Project, applied: list[Applied], pending: list[Change]
) -> None:
    """Raise for a conflict or a missing requirement of any change, before one runs."""
    there = {a.name for a in applied}
    ids = {a.change_id for a in applied}
    for change in pending:
        where = f"{project.plan.source}:{change.line}"
        clash = sorted(there & set(change.conflicts))
        if clash:
            raise RegistryError.conflict(change.name, clash, where)
        for text, change_id in requires_of(project, change):
            if change_id not in ids:
                raise RegistryError.not_met(change.name, text, where)
        there.add(change.name)
        ids.add(change.id)


def _check_hashes(
    project: Project, applied: list[Applied], pending: list[Change]
) -> None:
    """Raise for a deploy script that repeats another: the registry holds each once."""
    seen = {a.script_hash for a in applied if a.script_hash}
    for change in pending:
        found = project.scripts.script_hash(change)
        if found in seen:
            shown = project.scripts.shown("deploy", change)
            raise RegistryError.not_unique(change.name, shown)
        if found:
            seen.add(found)


def requires_of(project: Project, change: Change) -> list[tuple[str, str]]:
    """Return each requirement with the id of the change it resolves to."""
    found = []
    for text in change.requires:
        resolved = plans.dependency(project.plan, text, change)
        if resolved is None:
            raise RegistryError.foreign_requirement(change.name, text)
        found.append((text, resolved.id))
    return found


def to_revert(
    connection: Connection, project: Project, to: str | None
) -> list[Applied]:
    """
    Return what a revert would take back, newest first; only reads.

    Raises: RegistryError: nothing of the project is there, or ``to`` is not deployed.
    """
    with told(connection):
        if not has_registry(connection):
            raise RegistryError.no_registry(config.display(connection.info.dsn))
        applied = registry.applied(connection, project.plan.project)
        others = registry.projects(connection)
    if not applied:
        if others and project.plan.project not in others:
            raise RegistryError.other_project(project.plan.project, others)
        return []
    doomed = applied[_kept(project, applied, to) :][::-1]
    for one in doomed:
        planned = as_planned(project, one)
        if not project.scripts.path("revert", planned).is_file():
            _position(project, applied)  # says why the file is not ours
    with told(connection):
        needed = registry.dependents(connection, [one.change_id for one in doomed])
    if needed:
        raise RegistryError.still_required(needed)
    return doomed


def _kept(project: Project, applied: list[Applied], to: str | None) -> int:
    """
    Return how many deployed changes stay; ``to`` may be known to the database only.

    Raises: PlanError, RegistryError: ``to`` is not planned, or not deployed.
    """
    if not to:
        return 0
    named = [
        place
        for place, one in enumerate(applied)
        if to in {one.name, one.change_id, *one.tags}
        or to in {f"{one.name}{tag}" for tag in one.tags}
    ]
    try:
        target = plans.resolve(project.plan, to)
    except PlanError:
        if len(named) != 1:
            raise
        return named[0] + 1
    ids = [one.change_id for one in applied]
    if target.id in ids:
        return ids.index(target.id) + 1
    if len(named) != 1:
        raise RegistryError.not_deployed(target.name)
    return named[0] + 1


def as_planned(project: Project, one: Applied) -> Change:
    """Return the change of the plan, by id, else by name, else one of that name."""
    changes = project.plan.changes
    by_id = {change.id: change for change in changes}
    by_name = {change.name: change for change in changes}
    alike = by_id.get(one.change_id) or by_name.get(one.name)
    if not alike:
        alike = replace(changes[0], name=one.name, tags=(), reworked_tags=())
    return alike if alike.id == one.change_id else replace(alike, id=one.change_id)
