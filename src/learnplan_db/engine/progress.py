"""
What is told while changes are deployed, reverted or verified.

Light, since a command that finds nothing to do needs no more. May import nothing of
the package but types; never prints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnplan_db.errors import LearnplanError, Loss

NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Progress:
    """
    One thing that happened.

    ``action`` is deploy, revert or verify with ``state`` start, ok or not ok, for one
    change; else what is done around them, such as blocked, create-registry,
    deploying, taking-back, up-to-date, losing, failed, comment or warning; output,
    verify-output and notice carry what scripts print; waiting names one who holds a
    lock, once, then still-waiting again and again, with the seconds that are left and
    those waited, from a thread of its own; retry that a change is tried once more.
    ``width`` is the longest label.
    """

    action: str
    label: str = ""
    state: str = ""
    seconds: float = 0.0
    detail: str = ""
    width: int = 0
    count: int = 0
    error: LearnplanError | None = None
    loss: Loss | None = None
    waited: float = 0.0


Tell: TypeAlias = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Tell nobody."""
