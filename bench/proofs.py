"""The section of docs/performance.md about proofs, from the figures. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import targets
from bench.markdown import span, table, time, times
from bench.tools import PROVERS

if TYPE_CHECKING:
    from bench.results import Proving, Result

WHOLE, SMALL, STEP = "matrix", "table", "prove"
PARTS = {WHOLE: "access matrix", SMALL: "one table of it"}
TITLES = {"ours": "ours", "loop": "bare loop"}
HEAD = """\
## Proofs

How long it takes to try every cell of the access matrix (`policies/*.matrix.toml`) on a
database: with `pg_prove` over pgTAP files, with `learnplan-db prove`, and with a bare
loop in the server that tries the same statements and judges nothing.
"""
GAIN = """\
**The target of ten times is not met.** A tenth of what `pg_prove` takes is {tenth}, and
`learnplan-db` needs about {start} before its first cell: it starts Python, reads the
matrix, asks the reference model about every cell and words the statements. For
comparison, `pg_prove` takes {loop} as long as the bare loop, which judges nothing.
"""
SLOWER = """\
**For one table alone `pg_prove` is faster**: what `learnplan-db` pays once, above all
for starting Python, is more than the assertions of a table take.
"""
OTHERS = """\
### Other tools

These cannot be told what is expected, so they do not try the matrix, and their time has
no ratio to the times above. What one counts is not what the other counts.
`rlsautotest` runs as it comes; `rlsgrid` is told that `user_id` is its tenant column
and the claim that says who asks (`bench/peers.py`), for it cannot guess either. Both
are run by us and not by their authors, who may get more out of them.
"""
METHOD = """\
### How proofs are measured

- **Same assertions.** `bench/pgtap.py` writes a file for each table from the cells that
  `learnplan-db prove` tries: the same rows, personas and statements, one assertion a
  cell (`throws_ok` with SQLSTATE and message, `lives_ok`, `isnt_empty`, `is_empty`,
  `results_eq`, `is`). What works is rolled back to a savepoint, and nothing else is: a
  refusal undoes itself. The persona changes once for all of its cells; an update or
  delete without a condition runs once for all the rows that it may reach. Each tool
  must say that it tried every cell, and those that judge that all are as the matrix has
  them, or there is no figure.
- **In favour of pg_prove**: the files are generated beforehand, and that is not timed.
  `learnplan-db` reads the matrix and words its statements each time.
- **Whole processes, paired**, as above: from start to exit, all tools in each round,
  the order reversed each time, one round to warm up. pgTAP is loaded as plain SQL into
  a schema of the same database, whose version of PostgreSQL need not be pgTAP's.
- **A further cell**: (access matrix - one table) / (cells that the one has more). This
  leaves out what is paid once, starting Python among it; `pg_prove` still starts a psql
  for each table in it, as it does for its users.
- **`--jobs 2`** runs two files at a time; each file has rows of its own, so that they
  do not wait for each other. The rest uses one connection.
- **All connect as the superuser** of the throw-away server, and take the personas'
  roles.

<!-- not run: it measures for minutes, on a machine that is idle -->
```sh
apt-get install libtap-parser-sourcehandler-pgtap-perl postgresql-15-pgtap
./dev bench-prove     # a minute or two; writes this section
./dev bench-prove --quick    # a look; prints tables, leaves this alone
python3 -m venv .venv-peers && .venv-peers/bin/pip install rlsautotest rlsgrid
./dev bench-prove --peers .venv-peers/bin    # the other tools too
```
"""


def title(tool: str) -> str:
    """Return what a tool is called in a table."""
    return TITLES.get(tool, f"`{tool}`")


def times_table(proof: Proving) -> str:
    """Return all that was measured of those that try the matrix."""
    rows = []
    for result in proof.results:
        spans = (span(_rounds(result, t), result.median(STEP, t)) for t in PROVERS)
        ratio = times(result.ratio(STEP, "pg_prove", "ours"))
        part = f"{PARTS.get(result.name, result.name)} ({result.changes:,})"
        rows.append((part, *spans, ratio, str(len(_rounds(result, "ours")))))
    head = ("part (cells)", *map(title, PROVERS), "`pg_prove` / ours", "rounds")
    return table(head, rows, 1)


def _rounds(result: Result, tool: str) -> list[float]:
    return result.seconds[STEP].get(tool, [])


def rates_table(proof: Proving) -> str:
    """Return cells a second, start included, and what a further cell costs."""
    whole = proof.result(WHOLE)
    rows = []
    for tool in PROVERS:
        took = whole.median(STEP, tool) if whole else None
        rate = f"{whole.changes / took:,.0f}" if whole and took else "-"
        ratio = times(whole.ratio(STEP, "pg_prove", tool) if whole else None)
        cost, other = (targets.cell_cost(proof, t) for t in (tool, "pg_prove"))
        further = "-" if cost is None else f"{cost * 1000:.2f} ms"
        less = times(other / cost if other and cost else None)
        rows.append((title(tool), rate, ratio, further, less))
    ratios = ("`pg_prove` takes", "a further cell", "`pg_prove` takes")
    return table(("tool", "cells per second", *ratios), rows, 1)


def peers_table(proof: Proving) -> str:
    """Return what the tools that do other work say and take."""
    rows = [
        (
            peer.name,
            peer.counts,
            f"{peer.counted:,}",
            span(peer.seconds, sorted(peer.seconds)[len(peer.seconds) // 2]),
            peer.said,
        )
        for peer in proof.peers
    ]
    return table(("tool", "what it counts", "counted", "time", "it says"), rows, 2)


def tables(proof: Proving) -> str:
    """Return the tables of figures."""
    parts = [times_table(proof), rates_table(proof)]
    return "\n\n".join([*parts, peers_table(proof)] if proof.peers else parts)


def _missed(proof: Proving, whole: Result) -> str:
    """Return why the target is not met, in figures."""
    took, small = whole.median(STEP, "pg_prove"), proof.result(SMALL)
    cost = targets.cell_cost(proof, "ours")
    ours = small.median(STEP, "ours") if small else None
    if small is None or took is None or cost is None or ours is None:
        return ""
    return GAIN.format(
        tenth=time(took / targets.PROOFS),
        start=time(ours - cost * small.changes),
        loop=times(whole.ratio(STEP, "pg_prove", "loop")),
    )


def section(proof: Proving) -> str:
    """Return the whole section."""
    parts = [HEAD, times_table(proof) + "\n", rates_table(proof) + "\n"]
    whole = proof.result(WHOLE)
    if whole and not all(target.met for target in targets.proving(proof)):
        parts.append(_missed(proof, whole))
    small = proof.result(SMALL)
    if small and (small.ratio(STEP, "pg_prove", "ours") or 1) < 1:
        parts.append(SLOWER)
    if proof.peers:
        parts += [OTHERS, peers_table(proof) + "\n"]
    facts = table(("fact", "value"), proof.facts.items(), 2)
    parts += [f"### Machine and programs of the proofs\n\n{facts}\n", METHOD]
    return "\n".join(parts)
