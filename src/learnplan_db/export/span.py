"""
A part of the plan, from what is deployed to what is to be: changes, and tags alone.

A tag ends a part where it stands: of several tags of one change the later ones stay
out, since the release that the tag names had none of them. May import lower floors;
pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from learnplan_db.errors import ExportError, PlanError
from learnplan_db.plans import plan as plans

if TYPE_CHECKING:
    from learnplan_db.model import Change, Plan, Tag

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Place:
    """
    How far a plan is deployed: ``change`` is the last one, with the tags it has there.

    None where nothing is. ``name`` is how people say it: its last tag, or the change.
    """

    change: Change | None = None

    @property
    def id(self) -> str | None:
        """Return the id of the last change."""
        return self.change.id if self.change else None

    @property
    def name(self) -> str:
        """Return the newest tag, the change's name, or "nothing"."""
        if self.change is None:
            return NOTHING
        return f"@{self.change.tags[-1].name}" if self.change.tags else self.change.name

    @property
    def count(self) -> int:
        """Return how many changes are deployed."""
        return 0 if self.change is None else self.change.index + 1

    @property
    def rank(self) -> tuple[int, int]:
        """Return what orders places."""
        return self.count, len(self.change.tags) if self.change else 0


@dataclass(frozen=True, slots=True)
class Span:
    """What lies between two places: ``tags`` are new ones of the first place."""

    plan: Plan
    first: Place
    last: Place

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return the changes in their order, the last with the tags of its place."""
        found = self.plan.changes[self.first.count : self.last.count]
        return (*found[:-1], self.last.change) if found and self.last.change else found

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Return the tags that the first place has not got yet."""
        if self.first.change is None:
            return ()
        known = len(self.first.change.tags)
        if not self.changes and self.last.change:
            return self.last.change.tags[known:]
        return self.plan.changes[self.first.count - 1].tags[known:]


def place(plan: Plan, spec: str | None) -> Place:
    """
    Return the place that a person names; nothing deployed for None.

    Raises: PlanError: there is no such change or tag.
    """
    if spec is None:
        return Place()
    change = plans.resolve(plan, spec)
    name = spec.removeprefix("@")
    if spec.startswith("@"):
        for number, tag in enumerate(change.tags, 1):
            if tag.name == name:
                return Place(replace(change, tags=change.tags[:number]))
    return Place(change)


def between(plan: Plan, since: str | None, to: str | None) -> Span:
    """
    Return the part of a plan from one place to another; to its newest tag for None.

    Raises: PlanError: a place is unknown, or the plan empty. ExportError: the places
        are in the wrong order. NothingDoneError: nothing lies between them.
    """
    if not plan.changes:
        raise PlanError.no_changes(plan.source)
    first = place(plan, since)
    last = place(plan, to) if to is not None else Place(_newest(plan))
    if last.rank < first.rank:
        where = f"{plan.source}:{last.change.line if last.change else 1}"
        raise ExportError.reversed_range(where, first.name, last.name)
    if last.rank == first.rank:
        raise ExportError.empty(first.name, last.name)
    return Span(plan, first, last)


def _newest(plan: Plan) -> Change:
    """Return the change with the newest tag, else the last one."""
    tagged = [change for change in plan.changes if change.tags]
    return tagged[-1] if tagged else plan.changes[-1]
