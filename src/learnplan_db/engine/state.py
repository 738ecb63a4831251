"""
What is deployed, beside what is planned: the questions that come before any script.

May import lower floors; only reads, never prints.
Source: Sqitch 1.3.1, dependencies, targets and change specifications.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learnplan_db.engine.registry import VERSION, Registry
from learnplan_db.engine.session import told
from learnplan_db.errors import RegistryError
from learnplan_db.model import Change, Planner
from learnplan_db.plans import plan as plans
from learnplan_db.plans.reading import read_plan
from learnplan_db.plans.scripts import Scripts
from learnplan_db.settings import config, targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from learnplan_db.engine.registry import Applied
    from learnplan_db.model import Plan, Target

    Connection = psycopg.Connection[Any]

_ID = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Project:
    """A plan with its scripts, the target meant, and who runs it."""

    plan: Plan
    scripts: Scripts
    committer: Planner
    target: Target

    def registry(self, connection: Connection) -> Registry:
        """Return the registry of the target."""
        return Registry(connection, self.target.registry)


@dataclass(frozen=True, slots=True)
class Status:
    """What is deployed (oldest first), what is pending, and who else is registered."""

    project: str
    applied: tuple[Applied, ...]
    pending: tuple[Change, ...]
    other_projects: tuple[str, ...]


def load(
    target: Target | Path, plan: Plan | None = None, committer: Planner | None = None
) -> Project:
    """
    Return the project of a target; of a directory, with its default target.

    Args: plan: another than the target's; committer: unless configuration says.
    Raises: PlanError: the plan is missing or malformed.
    """
    if isinstance(target, Path):
        target = targets.resolve(target)
    by = committer or config.committer(root=target.root)
    return Project(plan or read_plan(target), Scripts(target), by, target)


def has_registry(registry: Registry) -> bool:
    """
    Tell whether there is a registry.

    Raises: RegistryError: it is of another version than ours.
    """
    found = registry.version()
    if found not in {None, VERSION}:
        where = config.display(registry.connection.info.dsn)
        raise RegistryError.other_version(found or 0, VERSION, where)
    return found is not None


def demand_registry(registry: Registry, target: Target) -> None:
    """Raise unless there is a registry of our version."""
    if not has_registry(registry):
        raise RegistryError.no_registry(target.name)


def position(project: Project, applied: Sequence[Applied], registry: Registry) -> int:
    """
    Return how many changes of the plan are deployed.

    Raises: RegistryError: the newest deployed change is not in the plan; each
        difference is told with what to do.
    """
    if not applied:
        return 0
    found = plans.by_id(project.plan, applied[-1].change_id)
    if found is None:
        raise disagreement(project, applied, registry)
    return found.index + 1


def disagreement(
    project: Project, applied: Sequence[Applied], registry: Registry
) -> RegistryError:
    """Return the error that says how what is deployed differs from the plan."""
    return RegistryError.not_our_plan(
        project.plan.project,
        project.plan.source,
        registry.schema,
        differences(project, applied, registry),
    )


def differences(
    project: Project, applied: Sequence[Applied], registry: Registry
) -> list[tuple[int, str, str]]:
    """Return (position from 1, deployed change, what is different) for each."""
    planned = project.plan.changes
    names = {change.name: change for change in planned}
    needs = registry.dependencies(project.plan.project)
    found: list[tuple[int, str, str]] = []
    for place, one in enumerate(applied):
        there = planned[place] if place < len(planned) else None
        if there and there.id == one.change_id:
            continue
        same = plans.by_id(project.plan, one.change_id) or names.get(one.name)
        if same is None:
            reason = "is not in the plan"
        elif there is None and same.id != one.change_id:  # a rework behind its end
            reason = "is not in the plan, but an earlier version"
        elif same.index != place:
            reason = f"is planned as number {same.index + 1}, in line {same.line}"
        else:
            reason = _edited(same, one, needs.get(one.change_id, ()))
            if not reason and not found:
                reason = "has another id: the project or its URI was changed"
        found.append((place + 1, one.label, reason or "follows a change that differs"))
    return found


def _edited(change: Change, one: Applied, needs: Sequence[str]) -> str:
    """Return which fields of a planned change are not as they were deployed."""
    fields = {
        "note": change.note != one.note,
        "timestamp": change.planned_at != one.planned_at,
        "planner": (change.planner.name, change.planner.email)
        != (one.planner_name, one.planner_email),
        "dependencies": sorted([*change.requires, *change.conflicts]) != sorted(needs),
    }
    edited = [name for name, differs in fields.items() if differs]
    if not edited:
        return ""
    return f"has another {' and '.join(edited)} in line {change.line}"


def status(connection: Connection, project: Project) -> Status:
    """Return what is deployed and what is pending; only reads."""
    registry = project.registry(connection)
    with told(connection):
        version = registry.version()
        if version is None:
            return Status(project.plan.project, (), project.plan.changes, ())
        applied = registry.applied(project.plan.project, version)
        known = registry.projects()
        pending = project.plan.changes[position(project, applied, registry) :]
    others = tuple(name for name in known if name != project.plan.project)
    return Status(project.plan.project, tuple(applied), pending, others)


def find_applied(applied: Sequence[Applied], spec: str) -> int | None:
    """
    Return the position of the deployed change that a person names, or None.

    Args: applied: oldest first; spec: as in a plan, but over what is deployed.
    Raises: RegistryError: several deployed changes have the bare name.
    """
    key, steps = plans.offset(spec)
    name, at, tag = key.partition("@")
    if key in {"HEAD", "ROOT", "@HEAD", "@ROOT"}:
        found = len(applied) - 1 if key.endswith("HEAD") else 0
        places = [found] if applied else []
    elif at and not name:
        places = [i for i, one in enumerate(applied) if key in one.tags]
    elif _ID.fullmatch(key):
        places = [i for i, one in enumerate(applied) if one.change_id == key]
    else:
        places = [i for i, one in enumerate(applied) if one.name == name]
    if at and name:
        limits = [
            when
            for one in applied
            for known, when in zip(one.tags, one.tagged_at, strict=True)
            if known == f"@{tag}"
        ]
        if tag != "HEAD":
            places = [
                i for i in places if limits and applied[i].committed_at <= limits[0]
            ]
        places = places[-1:]
    if len(places) > 1:
        several = [_qualified(applied, place) for place in reversed(places)]
        raise RegistryError.ambiguous(key, several)
    if not places or not 0 <= places[0] + steps < len(applied):
        return None
    return places[0] + steps


def _qualified(applied: Sequence[Applied], place: int) -> str:
    """Return a specification that only this instance of the name has."""
    tags = [tag for one in applied[place:] for tag in one.tags]
    return applied[place].name + (tags[0] if tags else "@HEAD")


def to_revert(
    project: Project, registry: Registry, to: str | None
) -> tuple[list[Applied], str | None]:
    """
    Return what a revert would take back, newest first, and the label of what stays.

    Raises: RegistryError: nothing of the project is there, ``to`` is not deployed, or
        another project needs what would go.
    """
    demand_registry(registry, project.target)
    applied = registry.applied(project.plan.project)
    if to is None:  # an empty name, as of an unset variable, is not everything
        return applied[::-1], None
    kept = find_applied(applied, to)
    if kept is None:
        raise RegistryError.not_deployed(to, planned=plans.contains(project.plan, to))
    return applied[kept + 1 :][::-1], applied[kept].label


def divergence(
    project: Project, applied: Sequence[Applied], start: int = 0
) -> int | None:
    """Return the position in applied of the first whose deploy script differs now."""
    planned = project.plan.changes
    for place, one in enumerate(applied):
        index = place + start
        if index >= len(planned):
            return place
        if one.script_hash != project.scripts.script_hash(planned[index]):
            return place
    return None


def as_changes(project: Project, applied: Sequence[Applied]) -> list[Change]:
    """
    Return deployed changes as the plan would have them, so that their files are found.

    A rework in the plan or in the database makes an earlier version's files
    ``name@tag``; tags of the plan come before those of the database.
    """
    found = []
    for place, one in enumerate(applied):
        planned = plans.by_id(project.plan, one.change_id)
        tags = list(planned.reworked_tags) if planned else []
        later = next(
            (i for i in range(place + 1, len(applied)) if applied[i].name == one.name),
            place,
        )
        for other in reversed(applied[place:later]):
            tags += [tag[1:] for tag in other.tags if tag[1:] not in tags]
        found.append(
            replace(planned, reworked_tags=tuple(tags))
            if planned
            else _unplanned(one, place, tuple(tags))
        )
    return found


def _unplanned(one: Applied, place: int, tags: tuple[str, ...]) -> Change:
    """Return a deployed change that the plan has not, as far as its files matter."""
    return Change(
        name=one.name,
        id=one.change_id,
        note=one.note,
        planned_at=one.planned_at,
        planner=Planner(one.planner_name, one.planner_email),
        requires=(),
        conflicts=(),
        tags=(),
        line=0,
        index=place,
        reworked_tags=tags,
    )
