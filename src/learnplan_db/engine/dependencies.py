"""
What stands in the way of a deploy or a revert: asked before any script runs.

May import lower floors; only reads, never prints.
Source: Sqitch 1.3.1, dependencies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from learnplan_db.errors import RegistryError
from learnplan_db.plans import plan as plans
from learnplan_db.plans.scripts import hash_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from learnplan_db.engine.registry import Applied, Registry
    from learnplan_db.engine.state import Project
    from learnplan_db.model import Change, Plan


class Known(Protocol):
    """What knows which changes are deployed: a registry, or a plan up to a place."""

    def existing(self, change_ids: Sequence[str], /) -> set[str]:
        """Return which of these ids are deployed, in whatever project."""

    def find_foreign(self, project: str, key: str, /) -> str | None:
        """Return the id of what another project's dependency means, if deployed."""


def check_dependencies(
    project: Project,
    registry: Known | None,
    pending: Sequence[Change],
    going: Collection[str] = (),
) -> dict[str, list[tuple[str, str]]]:
    """
    Return what each change requires, as (text, id) pairs by the change's id.

    Args: registry: None where there is none yet; going: ids that are reverted before.
    Raises: RegistryError: naming every conflict and every requirement that is not met,
        or changes that are deployed already, before any script runs.
    """
    needs = {
        change.id: [
            (text, _meant(project.plan, text, change, registry))
            for text in change.requires
        ]
        for change in pending
    }
    clashes = {
        change.id: [
            (text, _meant(project.plan, text, change, registry))
            for text in change.conflicts
        ]
        for change in pending
    }
    asked = {change_id for pairs in needs.values() for _, change_id in pairs}
    asked |= {change_id for pairs in clashes.values() for _, change_id in pairs}
    asked |= {change.id for change in pending}
    there = registry.existing(sorted(filter(None, asked))) if registry else set()
    there -= set(going)
    again = [change.label for change in pending if change.id in there]
    faults: list[tuple[str, str, str]] = []
    for change in pending:
        where = f"{project.plan.source}:{change.line}"
        faults += [
            (where, change.name, f"conflicts with {text}")
            for text, change_id in clashes[change.id]
            if change_id in there
        ]
        faults += [
            (where, change.name, f"requires {text}")
            for text, change_id in needs[change.id]
            if change_id not in there
        ]
        there.add(change.id)
    if faults:
        raise RegistryError.not_met(faults)
    if again:
        raise RegistryError.already_deployed(again)
    return {
        key: [(text, found) for text, found in pairs if found]
        for key, pairs in needs.items()
    }


def _meant(plan: Plan, text: str, change: Change, registry: Known | None) -> str | None:
    """Return the id of what a dependency means; None if it is foreign and not there."""
    own = plans.dependency(plan, text, change)
    if own:
        return own.id
    return registry.find_foreign(*text.split(":", 1)) if registry else None


def check_hashes(
    project: Project,
    applied: Sequence[Applied],
    pending: Sequence[Change],
    data: Mapping[str, bytes],
) -> dict[str, str | None]:
    """
    Return the hash of each deploy script, by the change's id.

    Args: data: the scripts that were read, by the change's id.
    Raises: RegistryError: a script repeats another: the registry holds each once.
    """
    seen = {one.script_hash: one.label for one in applied if one.script_hash}
    hashes = {}
    for change in pending:
        read = data.get(change.id)
        found = project.scripts.script_hash(change) if read is None else hash_of(read)
        if found in seen:
            shown = project.scripts.shown("deploy", change)
            raise RegistryError.not_unique(change.name, seen[found], shown)
        hashes[change.id] = found
        if found:
            seen[found] = change.label
    return hashes


def check_dependents(registry: Registry, doomed: Sequence[Applied]) -> None:
    """Raise if a deployed change that stays requires one that goes."""
    names = {one.change_id: one.label for one in doomed}
    needed = [
        (names[d.requires_id], d)
        for d in registry.dependents(list(names))
        if d.change_id not in names
    ]
    if needed:
        raise RegistryError.still_required(
            [(gone, f"{d.project}:{d.name}{d.as_of or ''}") for gone, d in needed]
        )
