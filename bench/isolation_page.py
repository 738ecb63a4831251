"""The section of docs/performance.md about test databases, from the figures. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from bench.markdown import number, table, times
from bench.suites import ALONE, BY_HAND, CLONED, OUR_CLONE, OURS, RIVALS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rounds = Mapping[str, Mapping[str, Sequence[float]]]

SAME, OWN = "same", "own"
MOST_MS = 1.0
SAID = {
    ALONE: "pytest alone: a test without a database",
    BY_HAND: "pytest-postgresql, one database, rollback written by hand",
    OURS: "`learnplan_db` (rollback)",
    CLONED: "pytest-postgresql, `postgresql` (a clone for each test)",
    OUR_CLONE: "`learnplan_clone`",
}
PLACES = {
    SAME: "the same server for all",
    OWN: "a server of each one's own, as it starts it",
}
HEAD = """\
## Test databases

What a test costs that inserts a user and a plan and reads them back: with the fixtures
of `learnplan-db` ([testing.md](testing.md)) and with plain pytest-postgresql, which
loads the same schema from a file of SQL, as its pages advise. Milliseconds a test,
after the first: the slope between a suite of few and one of many.
"""
MORE = """\
What a rollback of ours does and the one by hand does not: it tells of a test that
committed, and it takes prepared statements, advisory locks and settings out of the
session, and the connection out of the hands of the test, so that the next one finds
nothing of it.
"""
METHOD = """\
### How test databases are measured

- **Whole processes of pytest**, from start to exit, with the same file of tests; only
  `conftest.py` differs. (many - few) / (tests that the one has more) leaves out what is
  paid once: Python, pytest, the server, the schema. Medians of rounds, in each of which
  all take turns, the order reversed each time. A suite whose tests do not all pass has
  no figure, and rows of the test before would fail a test.
- **The same server for all**: one throw-away server (settings below), which
  pytest-postgresql reaches by `postgresql_noproc`.
- **A server of one's own**: the same programs. `learnplan-db` starts its embedded
  server, in memory where there is room and without `fsync`, since nobody needs a test
  database after a crash; pytest-postgresql's `postgresql_proc` keeps PostgreSQL's
  defaults, in the temporary directory, unless somebody sets `postgres_options`. Both
  run as an ordinary account.
- pytest-postgresql rolls nothing back by itself: the fixture that does is the dozen of
  lines that a project writes.

<!-- not run: it measures for minutes, on a machine that is idle -->
```sh
python -m bench.isolation    # three minutes; writes docs/performance/isolation.json
python -m bench.isolation --quick    # a look; few tests, one round
./dev bench --again    # this page from all figures
```
"""


def per_test(rounds: Mapping[str, Sequence[float]]) -> list[float]:
    """Return the milliseconds of a further test, by round."""
    few, many = sorted(rounds, key=int)
    more = int(many) - int(few)
    return [
        (large - small) / more * 1000
        for small, large in zip(rounds[few], rounds[many], strict=True)
    ]


def ratio(found: Rounds, way: str) -> float | None:
    """Return how many times longer a test takes with the rival of one of our ways."""
    ours, theirs = (median(per_test(found[each])) for each in (way, RIVALS[way]))
    return theirs / ours if min(ours, theirs) > 0 else None


def targets_table(found: Rounds) -> str:
    """Return what was promised of the same server, and whether it holds."""
    clone = ratio(found, OUR_CLONE)
    more = median(per_test(found[OURS])) - median(per_test(found[BY_HAND]))
    held = "-" if clone is None else _met(held=clone >= 1)
    rows = [
        ("a clone of ours takes no longer than theirs", times(clone), held),
        (
            f"our rollback takes at most {MOST_MS:g} ms more than one by hand",
            f"{more:.2f} ms",
            _met(held=more <= MOST_MS),
        ),
    ]
    return table(("target", "found", "met"), rows, 1)


def _met(*, held: bool) -> str:
    return "yes" if held else "**no**"


def costs_table(found: Rounds) -> str:
    """Return what a test costs by way, and against its rival."""
    rows = []
    for way, rounds in found.items():
        cost = per_test(rounds)
        few = min(rounds, key=int)
        rows.append(
            (
                SAID[way],
                number(median(cost)),
                f"{min(cost):.2f} to {max(cost):.2f}",
                f"{median(rounds[few]):.2f} s",
                times(ratio(found, way)) if way in RIVALS else "",
                " to ".join(sorted(rounds, key=int)),
                str(len(cost)),
            )
        )
    head = ("way", "ms a test", "range", "few tests, whole", "other / ours")
    return table((*head, "tests", "rounds"), rows, 1)


def section(data: dict[str, Any]) -> str:
    """Return the whole section."""
    facts = table(("fact", "value"), data["facts"].items(), 2)
    parts = [HEAD, f"{targets_table(data[SAME])}\n", MORE]
    for place, said in PLACES.items():
        parts.append(f"### With {said}\n\n{costs_table(data[place])}\n")
    parts += [f"### Machine and programs of the test databases\n\n{facts}\n", METHOD]
    return "\n".join(parts)
