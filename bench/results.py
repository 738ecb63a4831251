"""
What was measured, as data: by case, step and tool, with the facts of the machine.

Two runs fill it, each its part: ``bench.deploy`` and ``bench.prove``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path


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
class Peer:
    """
    A tool that does other work than ours, so that its time is no ratio.

    Args: counts: what its figure is a number of; said: its own verdict on the schema.
    """

    name: str
    counted: int
    counts: str
    said: str
    seconds: list[float]


@dataclass(frozen=True, slots=True)
class Proving:
    """
    A run of ``bench.prove``.

    Args: results: by how much is proved; ``changes`` there are cells, and the steps
        are what is timed.
    """

    facts: dict[str, str]
    results: tuple[Result, ...]
    peers: tuple[Peer, ...] = ()

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """Return what ``asdict`` made plain."""
        return cls(
            data["facts"],
            tuple(Result(**each) for each in data["results"]),
            tuple(Peer(**each) for each in data["peers"]),
        )

    def result(self, name: str) -> Result | None:
        """Return the part of a name, None when it was not run."""
        return next((r for r in self.results if r.name == name), None)


@dataclass(frozen=True, slots=True)
class Report:
    """Facts of the machine and all results of deploys, and the run of proofs."""

    facts: dict[str, str]
    results: tuple[Result, ...]
    proof: Proving | None = None

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
        proof = data.get("proof")
        return cls(
            data["facts"],
            tuple(Result(**each) for each in data["results"]),
            Proving.from_data(proof) if proof else None,
        )

    def beside(self, path: Path) -> Self:
        """Return it with the proofs of an earlier run, which another command made."""
        if not path.exists():
            return self
        return replace(self, proof=self.from_json(path.read_text()).proof)
