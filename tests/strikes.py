"""What can strike a run, and what must then be left of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from messages import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from messages import Unit

WAYS = ("kill", "terminate", "crash", "silence")
QUIET = {"silence", "vanish"}  # neither end hears of the other; the client is gone too
PROJECT = 'insert into "sqitch".projects'  # a statement that commits by itself
MARK = "unlisten learnplan_db"  # the engine's, between two statements: it does nothing
CONCURRENT = re.compile(r"(create|drop|reindex)\b.* index concurrently|reindex index c")


class Fault(NamedTuple):
    """
    What strikes a run, and where.

    ``hold`` keeps a statement that is struck while it runs: "gate", COMMIT before it is
    durable; "standby", COMMIT when it is; "table", an index that others are to be
    waited for.
    """

    way: str
    place: Place
    hold: str = ""

    def passed(self, points: Sequence[int]) -> int:
        """Return how many of a run's commits are durable all the same."""
        number, when = self.place
        durable = when == "after" or self.hold == "standby"
        durable = durable or (when == "sent" and self.way in QUIET)
        return sum(n < number or (n == number and durable) for n in points)

    def moment(self, points: Sequence[int]) -> str:
        """Return where it strikes, in a word or two, by where a run commits."""
        if self.hold == "table":
            return "in an index build"
        if self.place.number not in points:
            return "between statements"
        words = {
            "before": "before COMMIT",
            "sent": "in COMMIT",
            "after": "after COMMIT",
        }
        return f"{words[self.place.when]}{', durable' * (self.hold == 'standby')}"


def commits(units: Sequence[Unit]) -> list[int]:
    """Return where a run commits something."""
    return [
        number
        for number, unit in enumerate(units)
        if unit.text.lower() == "commit" or unit.text.startswith(PROJECT)
    ]


def faults(
    units: Sequence[Unit], *ways: str, own: bool = True, gate: bool = True
) -> list[Fault]:
    """
    Return each fault that can strike a run.

    Args: ways: all but a vanished client by default; own: also where the engine looks,
        locks and resets, the same for each change; gate: COMMIT can be held by it.
    """
    ends, begun, first = set(commits(units)), False, True
    boundaries: list[Place] = []
    messages: list[Place] = []  # a network loses these, and not statements
    inside: list[tuple[Place, str]] = []
    for number, unit in enumerate(units):
        begun = begun or unit.text == "begin"
        if own or begun:
            before, sent, after = (
                Place(number, when) for when in ("before", "sent", "after")
            )
            boundaries += [before] * (unit.text != MARK)
            boundaries += [after] * (unit.last or number in ends)
            messages += [before] * first + [after] * unit.last
            if number in ends:
                inside += [(sent, "gate")] * gate + [(sent, "standby")]
            elif CONCURRENT.match(unit.text):
                inside.append((sent, "table"))
        begun, first = begun and not unit.last, unit.last
    found = []
    for way in ways or WAYS:
        places = messages if way in QUIET else boundaries
        found += [Fault(way, place) for place in places]
        found += [Fault(way, place, hold) for place, hold in inside]
    return found
