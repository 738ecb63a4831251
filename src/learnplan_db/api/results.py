"""
What the calls of the library return and tell, as frozen values.

Labels are a change's name followed by its tags (``users @v1.0.0``); tags carry their
``@``, ids are 40 hex digits, seconds are of the wall clock.
May import errors and nouns alone; holds no behaviour beyond derived properties.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from learnplan_db.errors import VerifyError
from learnplan_db.proof.nouns import Proof as ProofResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from learnplan_db.errors import LearnplanError, Loss


__all__ = [
    "DeployResult",
    "DeployedChange",
    "Event",
    "Failure",
    "Listener",
    "PendingChange",
    "ProofResult",
    "RanChange",
    "Requirement",
    "RevertResult",
    "StatusResult",
    "VerifyResult",
    "unheard",
]


@dataclass(frozen=True, slots=True)
class Event:
    """
    One thing that happened, for whoever listens.

    ``kind`` is deploy, revert, verify or prove with ``state`` start, ok or not ok, for
    the ``change`` (a label, or a table's name when proving). Else it tells what is
    done around them, with no state: deploying, reverting, taking-back, up-to-date,
    blocked (somebody has Sqitch's lock), waiting (for the lock that ``text`` names),
    losing (rows, with ``loss``), failed (with ``error``), warning, notice (of the
    server), output and verify-output (of a script). There may be new kinds: pass by
    what you do not know. ``count`` is how many changes or cells are meant.
    """

    kind: str
    change: str = ""
    state: str = ""
    seconds: float = 0.0
    text: str = ""
    count: int = 0
    error: LearnplanError | None = None
    loss: Loss | None = None


@dataclass(frozen=True, slots=True)
class RanChange:
    """A change whose script has run and committed, and how long that took."""

    name: str
    id: str
    tags: tuple[str, ...]
    seconds: float

    @property
    def label(self) -> str:
        """Return the name followed by its tags."""
        return " ".join([self.name, *self.tags])


@dataclass(frozen=True, slots=True)
class DeployedChange:
    """A change that is deployed: ``by`` is ``name <email>``, ``at`` has a time zone."""

    name: str
    id: str
    tags: tuple[str, ...]
    at: datetime
    by: str

    @property
    def label(self) -> str:
        """Return the name followed by its tags."""
        return " ".join([self.name, *self.tags])


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A change of the plan that is not deployed."""

    name: str
    id: str
    tags: tuple[str, ...]
    note: str

    @property
    def label(self) -> str:
        """Return the name followed by its tags."""
        return " ".join([self.name, *self.tags])


@dataclass(frozen=True, slots=True)
class DeployResult:
    """
    What a deploy did: ``changes`` in the order in which they were deployed.

    ``before`` and ``after`` are labels of the newest change that was deployed, then
    and now; ``before`` is None where nothing was.
    """

    project: str
    changes: tuple[RanChange, ...]
    before: str | None
    after: str
    seconds: float

    @property
    def up_to_date(self) -> bool:
        """Whether there was nothing to deploy."""
        return not self.changes


@dataclass(frozen=True, slots=True)
class RevertResult:
    """
    What a revert took back: ``changes``, the newest first.

    ``after`` is the label of the newest change that is still deployed, or None;
    ``losses`` are the rows that went, where the project is guarded.
    """

    project: str
    changes: tuple[RanChange, ...]
    after: str | None
    losses: tuple[Loss, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A deployed change that does not verify, and why; one change may have two."""

    change: str
    error: LearnplanError


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """
    What verify scripts said: ``checked`` changes ran, ``failures`` did not pass.

    ``pending`` are planned after them, which is no failure.
    """

    project: str
    checked: int
    failures: tuple[Failure, ...]
    pending: tuple[PendingChange, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every deployed change verifies."""
        return not self.failures

    def raise_for_failures(self) -> None:
        """Raise VerifyError, naming the changes, unless all is well."""
        names = list(dict.fromkeys(one.change for one in self.failures))
        if names:
            raise VerifyError.failed(len(names), names) from self.failures[0].error


@dataclass(frozen=True, slots=True)
class StatusResult:
    """What is deployed and what is not, each oldest first; and who else is there."""

    project: str
    deployed: tuple[DeployedChange, ...]
    pending: tuple[PendingChange, ...]
    other_projects: tuple[str, ...]

    @property
    def up_to_date(self) -> bool:
        """Whether something is deployed, and all of the plan is."""
        return bool(self.deployed) and not self.pending

    @property
    def tag(self) -> str | None:
        """
        Return the newest tag that is deployed, as the registry has it.

        Of several on one change the last in the order of their names.
        """
        tags = (one.tags[-1] for one in reversed(self.deployed) if one.tags)
        return next(tags, None)


@dataclass(frozen=True, slots=True)
class Requirement:
    """
    What ``require`` found: it is met.

    ``required`` is as it was asked for, ``deployed`` the label of the newest change;
    ``ahead`` are the labels of what is deployed beyond what is required.
    """

    required: str
    deployed: str
    ahead: tuple[str, ...]


Listener: TypeAlias = "Callable[[Event], object]"


def unheard(_: Event) -> None:
    """Tell nobody."""
