"""
What a proof has to say, put in words once for all of its reports.

May import the nouns; pure, never prints.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from learnplan_db.proof.nouns import ROWS, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from learnplan_db.proof.nouns import Cell, Outcome, Proof, Result

ACCOUNTS = {
    "matrix": "access matrix",
    "effects": "what is left behind",
    "exhaustive": "small worlds",
    "random": "random worlds",
    "rows": "rows that are there",
}
STAMPED = "stamped"  # "rows", but the database sets the column itself
_WHERE = re.compile(r"(?P<file>.+?):(?P<line>[1-9][0-9]*)(?::.*)?", re.DOTALL)
_STEM = re.compile(r"(?:.*[/\\])?(?P<stem>[^/\\.]+)[^/\\]*", re.DOTALL)
_VERB = re.compile(
    r"\s*(select|insert|update|delete|truncate|references|trigger|maintain|execute)\b",
    re.IGNORECASE,
)


def findings(proof: Proof) -> tuple[Finding, ...]:
    """Return all findings, and one for each disagreeing cell of which none tells."""
    told = set(map(id, proof.findings))
    more = (one for all_ in by_name(proof).values() for one in all_)
    return (*proof.findings, *(one for one in more if id(one) not in told))


def by_name(proof: Proof) -> dict[str, list[Finding]]:
    """
    Return the findings by name, which is a cell's where a cell found it.

    One statement may be several cells, told once: each of them has that finding.
    """
    found: dict[str, list[Finding]] = defaultdict(list)
    for one in proof.findings:
        found[one.name].append(one)
    personas = {one.cell.name: one.cell.persona for one in proof.results}
    told = {
        (personas[one.name], one.did): one
        for one in proof.findings
        if one.name in personas
    }
    for result in proof.results:
        cell = result.cell
        if not result.agreed and cell.name not in found:
            same = told.get((cell.persona, result.got.statement))
            found[cell.name].append(same or _finding(proof, result))
    return dict(found)


def loose(proof: Proof) -> tuple[Finding, ...]:
    """Return the findings that belong to no cell: those of other worlds."""
    cells = {result.cell.name for result in proof.results}
    return tuple(one for one in findings(proof) if one.name not in cells)


def others(proof: Proof) -> Sequence[str]:
    """Return the accounts beside the matrix, tried or with a finding of no cell."""
    named = [*proof.tried, *(one.account for one in loose(proof))]
    bare = {one.account for one in loose(proof)}
    return [name for name in spread(named) if name != "matrix" or name in bare]


def count(proof: Proof, account: str) -> str:
    """Return how many commands an account tried: ``5,000 commands agree``."""
    return f"{number(proof.tried.get(account, 0), 'command')} agree"


def facts(finding: Finding) -> dict[str, str]:
    """Return all that a finding says, a text a heading; lists a line an item."""
    return {
        "name": finding.name,
        "account": ACCOUNTS.get(finding.account, finding.account),
        "rule": finding.rule,
        "where": finding.where,
        "who": finding.who,
        "did": finding.did,
        "expected": finding.expected,
        "got": finding.got,
        "policies": "\n".join(finding.policies),
        "grants": "\n".join(finding.grants),
        "script": finding.script,
    }


def topic(finding: Finding, cells: dict[str, Cell]) -> tuple[str, str]:
    """
    Return the table and the command that a finding is about.

    Where no cell says so, the file of the rule and the statement do.
    """
    if cell := cells.get(finding.name):
        return cell.table, cell.command
    stem = _STEM.fullmatch(place(finding.where)[0])
    verb = _VERB.match(finding.did)
    table = stem["stem"] if stem else finding.account
    return table, verb[1].lower() if verb else finding.account


def place(where: str) -> tuple[str, int | None]:
    """Return the file and the line of ``file:line``; no line where none is given."""
    found = _WHERE.fullmatch(where)
    return (found["file"], int(found["line"])) if found else (where, None)


def expects(cell: Cell) -> str:
    """Return the word for what the matrix expects: an outcome, or "stamped"."""
    return STAMPED if cell.stamped and cell.outcome == ROWS else cell.outcome


def became(outcome: Outcome, column: str) -> str:
    """Return the word for what came of a cell's command."""
    stamped = outcome.kind == ROWS and column in outcome.stamped
    return STAMPED if stamped else outcome.kind


def said(outcome: Outcome) -> str:
    """Return an outcome with its rows and what was stamped: ``rows (plan_1)``."""
    rows = f" ({', '.join(sorted(outcome.rows))})" if outcome.rows else ""
    stamps = f", sets {', '.join(sorted(outcome.stamped))}" if outcome.stamped else ""
    return f"{outcome.kind}{rows}{stamps}"


def summary(proof: Proof) -> str:
    """Return the proof in a line: ``1,824 cells of 11 tables: all agree``."""
    tables = len({result.cell.table for result in proof.results})
    count = len(findings(proof))
    verdict = f"{number(count, 'finding')}" if count else "all accounts agree"
    cells = number(len(proof.results), "cell")
    if proof.read_only:
        total = len(proof.results) + len(proof.unasked)
        verdict = verdict if count else "no finding in these"
        return (
            f"only read, which is no full proof: {len(proof.results):,} of {total:,}"
            f" cells asked, {len(proof.unasked):,} not asked: {verdict}"
        )
    return f"{cells} of {number(tables, 'table')}: {verdict}"


def unasked(proof: Proof) -> dict[str, list[Cell]]:
    """Return the cells that were not asked, by the reason."""
    found: dict[str, list[Cell]] = defaultdict(list)
    for one in proof.unasked:
        found[one.why].append(one.cell)
    return dict(found)


def read(proof: Proof) -> list[str]:
    """Return how many rows were looked at, a text a table."""
    return [
        f"{table} {count:,}{' (all)' if whole else ' of more'}"
        for table, (count, whole) in (proof.rows or {}).items()
    ]


def tried(proof: Proof) -> str:
    """Return the counts of commands: ``matrix 1,824, random 5,000 (seed 42)``."""
    seed = "" if proof.seed is None else f" (seed {proof.seed})"
    return ", ".join(
        f"{account} {count:,}{seed if account in {'random', 'rows'} else ''}"
        for account, count in proof.tried.items()
    )


def number(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 cell``, ``1,824 cells``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def spread(values: Iterable[str]) -> Sequence[str]:
    """Return the different values in the order of their first appearance."""
    return list(dict.fromkeys(values))


def _finding(proof: Proof, result: Result) -> Finding:
    cell, got = result.cell, result.got
    message = f": {got.message}" if got.message else ""
    return Finding(
        account="matrix",
        name=cell.name,
        rule=cell.because,
        who=cell.persona,
        did=got.statement,
        expected=f"matrix {expects(cell)}; model {said(result.model)}",
        got=f"{said(got.outcome)}{message}",
        where=cell.where,
        policies=tuple(proof.policies.get(cell.table, ())),
        grants=tuple(proof.grants.get(cell.table, ())),
    )
