"""
What the engine tells, as events of the library, and kept for the result.

May import lower floors; never prints.
"""

from __future__ import annotations

import time
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING

from learnplan_db.api.results import (
    DeployedChange,
    Event,
    PendingChange,
    RanChange,
)
from learnplan_db.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnplan_db.api.results import Listener
    from learnplan_db.engine.progress import Progress
    from learnplan_db.engine.registry import Applied
    from learnplan_db.errors import Loss
    from learnplan_db.model import Change


class Recorder:
    """
    Passes on what is told, and remembers what a result says of it.

    An error of the listener's ends its listening, and then the work before its next
    change, but never what takes changes back. ``ran`` are the seconds of each change
    that went well, by action, in their order.
    """

    def __init__(self, listener: Listener) -> None:
        demand_plain(listener)
        self._listener = listener
        self._began = time.monotonic()
        self.ran: dict[str, list[float]] = {}
        self.losses: list[Loss] = []
        self._error: Exception | None = None
        self._taking_back = False

    @property
    def seconds(self) -> float:
        """Return the seconds since the work began."""
        return time.monotonic() - self._began

    def __call__(self, said: Progress) -> None:
        """Take one thing that is told. Raises: what the listener has raised."""
        self._taking_back |= said.action == "taking-back"
        if said.state == "start" and not self._taking_back:
            self.finish()
        if said.state == "ok":
            self.ran.setdefault(said.action, []).append(said.seconds)
        if said.loss:
            self.losses.append(said.loss)
        if self._error is None:
            try:
                self._listener(_event(said))
            except Exception as error:  # noqa: BLE001 - raised where nothing is half
                self._error = error

    def finish(self) -> None:
        """Raise what the listener has raised."""
        if self._error:
            raise self._error

    def deployed(self, changes: Iterable[Change]) -> tuple[RanChange, ...]:
        """Return changes with how long each took."""
        pairs = zip(changes, self.ran.get("deploy", ()), strict=False)
        return tuple(RanChange(c.name, c.id, tags(c), took) for c, took in pairs)

    def reverted(self, changes: Iterable[Applied]) -> tuple[RanChange, ...]:
        """Return what is deployed no more, with how long each took."""
        pairs = zip(changes, self.ran.get("revert", ()), strict=False)
        return tuple(RanChange(c.name, c.change_id, c.tags, took) for c, took in pairs)


def demand_plain(listener: Listener) -> None:
    """Raise ApiError if a listener would have to be awaited, which nobody does."""
    if iscoroutinefunction(listener):
        raise ApiError.bad_option("progress", listener, "a function that is not async")


def _event(said: Progress) -> Event:
    return Event(
        said.action,
        said.label,
        said.state,
        said.seconds,
        said.detail,
        said.count,
        said.error,
        said.loss,
    )


def tags(change: Change) -> tuple[str, ...]:
    """Return the tags of a planned change, with their ``@``."""
    return tuple(f"@{tag.name}" for tag in change.tags)


def standing(changes: Iterable[Applied]) -> tuple[DeployedChange, ...]:
    """Return what is deployed, for a result."""
    return tuple(
        DeployedChange(c.name, c.change_id, c.tags, c.committed_at, c.committer)
        for c in changes
    )


def planned(changes: Iterable[Change]) -> tuple[PendingChange, ...]:
    """Return what is not deployed, for a result."""
    return tuple(PendingChange(c.name, c.id, tags(c), c.note) for c in changes)
