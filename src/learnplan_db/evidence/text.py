"""
A proof and a mutation run as the terminal shows them.

May import lower floors; returns text, never prints.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from learnplan_db.evidence import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from learnplan_db.proof.nouns import Finding, Mutation, Proof, Verdict

KILLERS = ("matrix", "model", "verify", "tests")
HINT = "in the json and html reports, to run with psql"


def as_text(
    proof: Proof, mutation: Mutation | None = None, *, script: str = HINT
) -> str:
    """
    Return each finding in full, then the summary.

    Args: script: how to get the psql script of a finding, in words.
    """
    found = terms.findings(proof)
    parts = [
        _finding(one, f"finding {place} of {len(found)}", script)
        for place, one in enumerate(found, 1)
    ]
    if mutation:
        parts.append(mutation_text(mutation))
    if proof.read_only:
        parts.append(_reach(proof))
    parts.append(
        f"{terms.summary(proof)}; {_line(terms.tried(proof))}\n"
        f"{_line(f'{proof.target}, {proof.server}')}, {proof.seconds:,.1f} s"
    )
    return "\n\n".join(parts)


def _reach(proof: Proof) -> str:
    """Return what a proof that only read looked at, and what it did not ask."""
    lines = ["rows that were looked at", *(f"  {one}" for one in terms.read(proof))]
    for why, cells in terms.unasked(proof).items():
        lines.append(f"not asked: {terms.number(len(cells), 'cell')}, since {why}")
        spread = Counter(f"{cell.command} {cell.table}" for cell in cells)
        lines.append("  " + ", ".join(f"{one} {n:,}" for one, n in spread.items()))
    lines.append("not asked: what is left behind by a write")
    return "\n".join(lines)


def mutation_text(mutation: Mutation) -> str:
    """Return the score by kind, who killed, and each survivor with what it changes."""
    parts = [_table(score_rows(mutation))]
    if lost := [one.mutant for one in mutation.verdicts if survives(one)]:
        lines = [f"{terms.number(len(lost), 'survivor')}: no account notices"]
        for mutant in lost:
            lines.append(f"  {_line(mutant.name)}  {_line(mutant.says)}")
            lines += [
                f"      {line}" for sql in mutant.statements for line in _lines(sql)
            ]
        parts.append("\n".join(lines))
    if mutation.stale:
        names = "\n".join(f"  {_line(name)}" for name in mutation.stale)
        parts.append(f"called equivalent, but killed or no longer made:\n{names}")
    judged = len(mutation.verdicts) - mutation.counted("equivalent")
    killed = judged - mutation.counted("")
    parts.append(
        f"mutation score {percent(mutation.score)}: {killed:,} of {judged:,} killed, "
        f"{mutation.counted('equivalent')} equivalent, {mutation.seconds:,.1f} s"
    )
    return "\n\n".join(parts)


def survives(verdict: Verdict) -> bool | None:
    """Return whether nothing killed a mutant; None where it changes nothing."""
    return None if verdict.killer == "equivalent" else not verdict.killer


def percent(score: float) -> str:
    """Return a score, never rounded up to 100 %."""
    return "100 %" if score == 100.0 else f"{int(score * 10) / 10:.1f} %"  # noqa: PLR2004


def score_rows(mutation: Mutation) -> list[list[str]]:
    """Return the table of the score: a head, a row a kind, and a last one for all."""
    killers = [name for name in KILLERS if mutation.counted(name)]
    head = ["kind", "mutants", *killers, "equivalent", "survived", "score"]
    kinds = terms.spread(one.mutant.kind for one in mutation.verdicts)
    rows = [
        _score(kind, [v for v in mutation.verdicts if v.mutant.kind == kind], killers)
        for kind in kinds
    ]
    return [head, *rows, _score("all", mutation.verdicts, killers)]


def _score(kind: str, verdicts: Sequence[Verdict], killers: Sequence[str]) -> list[str]:
    count = Counter(one.killer for one in verdicts)
    judged = len(verdicts) - count["equivalent"]
    score = 100.0 * (judged - count[""]) / judged if judged else 100.0
    cells = [len(verdicts), *(count[name] for name in killers)]
    cells += [count["equivalent"], count[""]]
    return [_line(kind), *(f"{cell:,}" for cell in cells), percent(score)]


def _table(rows: Iterable[Sequence[str]]) -> str:
    lines = list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            # Words to the left, numbers to the right.
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _finding(one: Finding, head: str, script: str) -> str:
    lines = [f"{head}: {_line(one.name)}"]
    for key, value in terms.facts(one).items():
        if key != "name" and (shown := script if key == "script" else value):
            first, *rest = _lines(shown)
            lines.append(f"  {key:<9} {first}")
            lines += [f"  {'':<9} {line}" for line in rest]
    return "\n".join(lines)


def _lines(text: str) -> list[str]:
    return [_line(line) for line in text.rstrip().splitlines()] or [""]


def _line(text: str) -> str:
    # A terminal obeys control characters; what a server says may hold any.
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )
