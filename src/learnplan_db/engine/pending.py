"""
What a deploy would do: asked before anything is locked, and before scripts are read.

Most deploys find nothing, so this imports nothing that reads or runs scripts.
May import lower floors; only reads, never prints.
Source: Sqitch 1.3.1, deploy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnplan_db.engine.progress import Progress
from learnplan_db.engine.registry import VERSION
from learnplan_db.engine.session import fit, look, told
from learnplan_db.engine.state import position
from learnplan_db.errors import LearnplanError, PlanError, RegistryError
from learnplan_db.plans import plan as plans

if TYPE_CHECKING:
    from collections.abc import Collection

    import psycopg

    from learnplan_db.engine.progress import Tell
    from learnplan_db.engine.registry import Applied, Registry
    from learnplan_db.engine.state import Project
    from learnplan_db.model import Change

    Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Pending:
    """
    The changes that a deploy finds to do, beside what is there (oldest first).

    ``version`` is the registry's, None where there is none; ``newest`` is the newest
    deployed change as it is planned, the one before ``place`` in the plan. New tags
    are written even when the rest is refused, as in Sqitch, so ``refusal`` waits.
    """

    version: float | None
    applied: list[Applied]
    place: int
    newest: Change | None
    changes: tuple[Change, ...]
    refusal: LearnplanError | None = None

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write. Raises: the refusal, if that is all."""
        if self.new_tags or self.unknown_hashes:
            return False
        if self.refusal:
            raise self.refusal
        return not self.changes

    @property
    def new_tags(self) -> bool:
        """Whether the newest deployed change has got a tag since."""
        known = set(self.applied[-1].tags) if self.applied else set()
        tags = {f"@{tag.name}" for tag in self.newest.tags} if self.newest else set()
        return not tags <= known

    @property
    def unknown_hashes(self) -> bool:
        """Whether an upgrade from version 0 has left placeholders for hashes."""
        newest = self.applied[-1] if self.applied else None
        return newest is not None and (
            not self.version or newest.script_hash == newest.change_id
        )


def find(
    project: Project,
    registry: Registry,
    to: str | None,
    going: Collection[str] = (),
) -> Pending:
    """
    Return what is to deploy up to a change, or to the end of the plan.

    Args: going: ids of changes that are reverted before.
    A change that is unknown, or behind what is deployed, is a refusal.
    Raises: RegistryError: the registry is newer than ours or disagrees with the plan.
        PlanError: the plan is empty.
    """
    version = registry.version()
    if version is not None and version > VERSION:
        raise RegistryError.other_version(version, VERSION, project.target.name)
    applied: list[Applied] = []
    if version is not None:
        there = registry.applied(project.plan.project, version)
        applied = [one for one in there if one.change_id not in going]
    place = position(project, applied, registry)
    planned = project.plan.changes
    if not planned:
        raise PlanError.no_changes(project.plan.source)
    newest = planned[place - 1] if place else None
    try:
        target = planned[-1] if to is None else plans.resolve(project.plan, to)
        if target.index + 1 < place:
            raise RegistryError.earlier_target(target.name, applied[-1].name)
    except LearnplanError as error:
        return Pending(version, applied, place, newest, (), error)
    return Pending(version, applied, place, newest, planned[place : target.index + 1])


def nothing(
    connection: Connection,
    project: Project,
    to: str | None,
    seconds: float,
    tell: Tell,
) -> bool:
    """
    Tell and return whether there is nothing to deploy, without taking the lock.

    Args: to: the last change to deploy; seconds: how long to ask while somebody locks
        the registry's tables.
    """
    registry = project.registry(connection)
    with told(connection), fit(connection):
        found = look(lambda: find(project, registry, to), seconds)
    idle = found.idle
    if idle:
        tell(Progress("up-to-date", to or ""))
    return idle
