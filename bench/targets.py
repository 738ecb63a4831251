"""What was promised, and whether a run keeps it. Pure; never prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.results import Proving, Report, Result

LOCAL = ("packaged", "100", "1000")
SMALL, LARGE = "100", "1000"
PROOFS = 10.0
FLAT = 1.25  # a change of 1,000 may cost so many times what one of 100 costs


@dataclass(frozen=True, slots=True)
class Target:
    """
    A promise, and what was found.

    Args: bound: the figure promised; least: whether more is better; found: None when
        the case was not run.
    """

    promise: str
    bound: float
    least: bool
    found: float | None

    @property
    def met(self) -> bool | None:
        """Whether it is kept; None when nothing was measured."""
        if self.found is None:
            return None
        return self.found >= self.bound if self.least else self.found <= self.bound


def first_cost(result: Result, tool: str) -> float | None:
    """Return seconds a change in a small plan, without what starting costs."""
    whole, start = result.median("deploy", tool), result.median("no-op deploy", tool)
    return (whole - start) / result.changes if whole and start else None


def further_cost(small: Result, large: Result, tool: str) -> float | None:
    """Return seconds for each change that the large plan has more than the small."""
    one, other = small.median("deploy", tool), large.median("deploy", tool)
    if not one or not other:
        return None
    return (other - one) / (large.changes - small.changes)


def growth(report: Report, tool: str) -> float | None:
    """Return how many times dearer a further change is; 1 is flat."""
    small, large = report.result(SMALL), report.result(LARGE)
    if small is None or large is None:
        return None
    first, further = first_cost(small, tool), further_cost(small, large, tool)
    return further / first if first and further else None


def targets(report: Report) -> list[Target]:
    """Return all promises with what a run found."""

    def faster(name: str, step: str = "deploy") -> float | None:
        result = report.result(name)
        return result.ratio(step, "sqitch", "ours") if result else None

    no_ops = [r for name in LOCAL if (r := faster(name, "no-op deploy")) is not None]
    large = report.result(LARGE)
    above = large.ratio("deploy", "ours", "floor") if large else None
    least: Callable[[str, float, float | None], Target] = lambda p, b, f: Target(  # noqa: E731
        f"{p}: Sqitch takes at least {b:g} times as long", b, least=True, found=f
    )
    return [
        least("packaged plan", 5, faster("packaged")),
        least("100 changes", 12, faster("100")),
        least("1,000 changes", 20, faster("1000")),
        least("packaged plan, 20 ms", 6, faster("packaged-20ms")),
        least("100 changes, 20 ms", 6, faster("100-20ms")),
        least("nothing to deploy, any plan", 2, min(no_ops, default=None)),
        Target(
            "1,000 changes: at most 1.5 times the floor", 1.5, least=False, found=above
        ),
        Target(
            "cost of a change, from 100 to 1,000: flat (at most 1.25 times)",
            FLAT,
            least=False,
            found=growth(report, "ours"),
        ),
    ]


def proving(proof: Proving | None) -> list[Target]:
    """Return what was promised of proofs, nothing when none was measured."""
    whole = proof.result("matrix") if proof else None
    if whole is None:
        return []
    promise = f"access matrix: pg_prove takes at least {PROOFS:g} times as long"
    ratio = whole.ratio("prove", "pg_prove", "ours")
    return [Target(promise, PROOFS, least=True, found=ratio)]


def cell_cost(proof: Proving, tool: str) -> float | None:
    """Return seconds for each cell that the matrix has more than one table of it."""
    whole, part = proof.result("matrix"), proof.result("table")
    if whole is None or part is None or whole.changes == part.changes:
        return None
    one, other = part.median("prove", tool), whole.median("prove", tool)
    if one is None or other is None:
        return None
    return (other - one) / (whole.changes - part.changes)
