"""
What a check of a database says: a verdict, and what mends it.

May import nothing of the package; does no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, FAIL, SKIP = "ok", "warn", "fail", "skip"


@dataclass(frozen=True, slots=True)
class Fix:
    """
    What mends a finding.

    ``kind`` is sql (for a role that may), shell (a command line) or words.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What one check found.

    ``state`` is ok, warn, fail, or skip where this login or this server cannot tell;
    ``what`` says why in a line.
    """

    state: str
    what: str
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A verdict with the name of the check."""

    name: str
    verdict: Verdict


def ok(what: str) -> Verdict:
    """Return that all is well."""
    return Verdict(OK, what)


def warn(what: str, fix: Fix) -> Verdict:
    """Return what will hurt somebody some day."""
    return Verdict(WARN, what, fix)


def fail(what: str, fix: Fix) -> Verdict:
    """Return what does not work, or protects nobody, now."""
    return Verdict(FAIL, what, fix)


def skip(what: str, fix: Fix | None = None) -> Verdict:
    """Return that nobody can tell here, and why."""
    return Verdict(SKIP, what, fix)


def sql(*statements: str) -> Fix:
    """Return statements for psql, each ended."""
    return Fix("sql", " ".join(f"{one};" for one in statements))


def shell(line: str) -> Fix:
    """Return a command line."""
    return Fix("shell", line)


def words(text: str) -> Fix:
    """Return what no single command does."""
    return Fix("words", text)


def listed(names: list[str], most: int = 4) -> str:
    """Return names in a row, the rest counted."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
