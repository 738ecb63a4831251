"""What was measured, as data: by case, step and tool, with the facts of the machine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median
from typing import Self


@dataclass(frozen=True, slots=True)
class Result:
    """
    One case: a plan on a line.

    Args: seconds: by step, then by tool, one figure a round; delay_ms: round-trip
        time that was added.
    """

    name: str
    changes: int
    delay_ms: int
    seconds: dict[str, dict[str, list[float]]]

    def median(self, step: str, tool: str) -> float | None:
        """Return the median of the rounds in seconds, None when not measured."""
        rounds = self.seconds.get(step, {}).get(tool)
        return median(rounds) if rounds else None

    def ratio(self, step: str, tool: str, to: str) -> float | None:
        """Return how many times longer a tool takes than another, by medians."""
        one, other = self.median(step, tool), self.median(step, to)
        return one / other if one and other else None


@dataclass(frozen=True, slots=True)
class Report:
    """A run of the benchmark: facts of the machine, and all results."""

    facts: dict[str, str]
    results: tuple[Result, ...]

    def result(self, name: str) -> Result | None:
        """Return the case of a name, None when it was not run."""
        return next((r for r in self.results if r.name == name), None)

    def to_json(self) -> str:
        """Return all of it as text that ``from_json`` reads."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the report that ``to_json`` wrote."""
        data = json.loads(text)
        return cls(data["facts"], tuple(Result(**each) for each in data["results"]))
