"""
What came of the mutants under a host's own tests, as lines and as JSON.

May import the proof's nouns and the standard library; never prints.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learnplan_db.proof.nouns import Mutation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.proof.nouns import Mutant, Verdict

VERSION = 1


@dataclass(slots=True)
class Tally:
    """
    All verdicts, and what stands in the way of one.

    ``broken`` could not be applied; ``untried`` change roles of the whole cluster, and
    only tests on clones were there to see it. ``problem`` is why nothing was judged.
    ``unreached`` are tests that ask for no database of the plugin.
    """

    least: float
    verdicts: list[Verdict] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    untried: list[Mutant] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)
    total: int = 0
    seconds: float = 0.0
    problem: str = ""

    @property
    def mutation(self) -> Mutation:
        """The verdicts as the proof's own reports take them."""
        return Mutation(tuple(self.verdicts), self.seconds, tuple(self.stale))

    @property
    def survivors(self) -> list[Mutant]:
        """The faults that no test saw."""
        return [one.mutant for one in self.verdicts if not one.killer]

    @property
    def complete(self) -> bool:
        """Whether every mutant was dealt with."""
        done = len(self.verdicts) + len(self.broken) + len(self.untried)
        return not self.problem and done == self.total

    @property
    def enough(self) -> bool:
        """Whether the run may be green."""
        judged = bool(self.mutation.counted("tests", ""))
        good = self.mutation.score >= self.least and not self.broken
        return self.complete and judged and good

    def lines(self) -> Iterator[str]:
        """Yield what a person reads at the end of the run."""
        if self.problem:
            yield f"no mutant was judged: {self.problem}"
            return
        yield self._summary()
        killers = Counter(v.by for v in self.verdicts if v.killer == "tests")
        if killers:
            yield "killed by the first test that failed:"
        for test, count in killers.most_common():
            yield f"  {count:5} {test}"
        if self.survivors:
            yield "survived, no marked test fails when:"
        for mutant in self.survivors:
            says = "" if mutant.name.endswith(mutant.says) else f": {mutant.says}"
            yield f"  {mutant.name}{says}  [{mutant.kind}]"
        yield from self._remarks()

    def _summary(self) -> str:
        mutation = self.mutation
        if not self.complete:
            done = len(self.verdicts)
            return f"ended early: {done} of {self.total} mutants judged, no score"
        killed, survived = mutation.counted("tests"), mutation.counted("")
        told = f"{killed} killed, {survived} survived"
        if equivalent := mutation.counted("equivalent"):
            told += f", {equivalent} equivalent"
        score = f"score {mutation.score:.1f} %, {self.least:g} % asked for"
        return f"{told}: {score}, in {self.seconds:.1f} s"

    def _remarks(self) -> Iterator[str]:
        for name, reason in self.broken.items():
            yield f"could not be applied: {name}: {reason}"
        for mutant in self.untried:
            yield (
                f"not tried: {mutant.name}: it changes the whole cluster, and every "
                "marked test works on a clone; mark one that uses learnplan_db"
            )
        for name in self.stale:
            yield f"declared equivalent, but there is no such mutant: {name}"
        for test in self.unreached:
            yield f"no mutant reaches {test}: it uses no fixture of learnplan"

    def as_json(self) -> dict[str, Any]:
        """Return all of it for machines; ``score`` is None where there is none."""
        return {
            "version": VERSION,
            "complete": self.complete,
            "problem": self.problem,
            "score": self.mutation.score if self.complete else None,
            "least": self.least,
            "seconds": round(self.seconds, 3),
            "mutants": [
                {
                    "name": one.mutant.name,
                    "kind": one.mutant.kind,
                    "object": one.mutant.object,
                    "says": one.mutant.says,
                    "statements": list(one.mutant.statements),
                    "killer": one.killer,
                    "by": one.by,
                }
                for one in self.verdicts
            ],
            "broken": self.broken,
            "untried": [mutant.name for mutant in self.untried],
            "stale": self.stale,
            "unreached": self.unreached,
        }
