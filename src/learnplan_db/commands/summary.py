"""
How long the changes of a command took: for the end of each line, and for the last one.

May import lower floors; returns strings and numbers, never prints.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learnplan_db.engine.progress import Progress

DONE = {"deploy": "Deployed", "revert": "Reverted", "verify": "Verified"}
WAITS = {"blocked", "waiting", "still-waiting"}
WORTH_TELLING = 0.05  # seconds of waiting
MINUTE = 60


def spell(seconds: float) -> str:
    """Return a duration as people read it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes} min {rest} s"


@dataclass(slots=True)
class Summary:
    """
    Adds up what one command has done; ``waited`` is for locks, in seconds.

    The clock starts with the first change, or the first wait: not while a person is
    asked. ``failed`` counts the changes that were not ok.
    """

    times: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    waited: float = 0.0
    retries: int = 0
    failed: int = 0
    _began: float | None = None
    _waiting: tuple[float, float] | None = None  # since when, and seen last

    def note(self, step: Progress) -> None:
        """Take an event into account."""
        now = time.monotonic()
        if step.action in WAITS:
            since = self._waiting[0] if self._waiting else now - step.waited
            self._waiting = since, now
            self._began = self._began or since
        elif step.action == "retry":
            self.retries += 1
        elif step.action in DONE:
            self._began = self._began or now
            self._end_waiting()
            if step.state == "ok":
                done = self.times.setdefault(step.action, [])
                done.append((step.seconds, step.label))
            self.failed += step.state == "not ok"

    def _end_waiting(self) -> None:
        if self._waiting:
            self.waited += self._waiting[1] - self._waiting[0]
            self._waiting = None

    @property
    def seconds(self) -> float:
        """Return how long it has taken until now."""
        return time.monotonic() - self._began if self._began else 0.0

    def data(self) -> dict[str, Any]:
        """Return the numbers."""
        counts = {
            DONE[action].lower(): len(done) for action, done in self.times.items()
        }
        return {
            "action": "summary",
            "seconds": round(self.seconds, 3),
            "waited": round(self.waited, 3),
            "retries": self.retries,
            "failed": self.failed,
        } | counts

    def text(self) -> str:
        """Return the line that is shown at the end; empty if nothing was done."""
        if not self.times:
            return ""
        parts = [f"{DONE[one]} {_changes(len(d))}" for one, d in self.times.items()]
        did = ", ".join([parts[0], *map(str.lower, parts[1:])])
        if self.failed:
            did += f", {self.failed} failed"
        told = [f"{did} in {spell(self.seconds)}"]
        slowest, label = max(max(done) for done in self.times.values())
        if sum(map(len, self.times.values())) > 1:
            told.append(f"longest: {label}, {spell(slowest)}")
        if self.waited >= WORTH_TELLING:
            told.append(f"waited {spell(self.waited)} for locks")
        if self.retries:
            times = "once" if self.retries == 1 else f"{self.retries} times"
            told.append(f"tried again {times}")
        return "; ".join(told)


def _changes(count: int) -> str:
    return f"{count} change" if count == 1 else f"{count} changes"
