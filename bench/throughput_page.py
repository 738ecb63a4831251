"""The section on throughput of docs/performance.md, from its figures. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from bench.identity_page import measured
from bench.markdown import number, table, times
from bench.visits import HAND, WAYS, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Runs = Sequence[Mapping[str, Any]]

METHOD = """\
`pgbench` with {clients} clients for {seconds} s a run, in the world of 10,000 plans
that `bench/worlds.py` makes, {rounds} runs of each way in turn, after one that does not
count; medians, and the range in brackets. Each client is one user for ten transactions,
then another, by chance. A transaction is BEGIN, one statement, COMMIT: three round
trips.

- **by hand**: a login with BYPASSRLS, and the `WHERE` that says who may see the row;
  the application knows `users.id`, and pays for no identity.
- **tables**: one login for everybody; what `acting_as` sends travels with BEGIN, with
  the claim `sub`; the policies decide. **accessors**: the same, but what has an
  accessor function is read by it.
- A transaction whose statement sees or writes no row fails, and the run with it.
- Through PgBouncer nothing is prepared, as this one keeps no account of prepared
  statements: each is planned when it comes, policies included. {sessions} sessions a
  login, transaction mode. **Direct**, each client has its own session, and prepares.
- **One core**: the server has one, PgBouncer and pgbench share the other. **Two**: all
  share both.

<!-- not run: it measures for minutes, on a machine that is idle -->
```sh
./dev system-deps                  # PgBouncer, where apt is
python -m bench.throughput         # under three minutes; writes throughput.json
python -m bench.throughput --quick # a look
```
"""
TITLES = {HAND: "by hand"}


def section(data: Mapping[str, Any]) -> str:
    """Return the section: all runs, the kinds of transaction, how it is measured."""
    runs = data["runs"]
    places = list(dict.fromkeys((run["link"], run["cores"]) for run in runs))
    rows = [_row(runs, place, way) for place in places for way in WAYS]
    count = len(_of(runs, places[0], WAYS[0]))
    said = {"clients": data["clients"], "seconds": data["seconds"], "rounds": count}
    return "\n".join(
        [
            "## Throughput\n",
            table(
                (
                    "through",
                    "cores",
                    "who may",
                    "transactions/s",
                    "latency",
                    "of by hand",
                ),
                rows,
                3,
            )
            + "\n",
            "Mean milliseconds of a transaction, with waiting, in the first place:\n",
            table(
                ("transaction", "of 100", *(TITLES.get(way, way) for way in WAYS)),
                [_visit(runs, places[0], name) for name in WEIGHTS],
                1,
            )
            + "\n",
            measured(data["facts"], data["facts"]["PgBouncer"]),
            METHOD.format(sessions=data["sessions"], **said),
        ]
    )


def _of(runs: Runs, place: tuple[str, int], way: str) -> list[Mapping[str, Any]]:
    """Return the runs of one way at one place."""
    return [r for r in runs if (r["link"], r["cores"], r["way"]) == (*place, way)]


def _row(runs: Runs, place: tuple[str, int], way: str) -> tuple[str, ...]:
    """Return what was done in a second, and how much of what is done by hand."""
    mine, hand = _of(runs, place, way), _of(runs, place, HAND)
    done = [run["tps"] for run in mine]
    ratio = median(a["tps"] / b["tps"] for a, b in zip(mine, hand, strict=True))
    return (
        place[0],
        str(place[1]),
        TITLES.get(way, way),
        f"{median(done):,.0f} ({min(done):,.0f} to {max(done):,.0f})",
        f"{median(run['ms'] for run in mine):.1f} ms",
        times(ratio),
    )


def _visit(runs: Runs, place: tuple[str, int], name: str) -> tuple[str, ...]:
    """Return the milliseconds of one kind of transaction, each way."""
    took = [
        [
            run["visits"][name]["ms"]
            for run in _of(runs, place, way)
            if name in run["visits"]
        ]
        for way in WAYS
    ]
    shown = (number(median(each)) if each else "-" for each in took)
    return (name, str(WEIGHTS[name]), *shown)
