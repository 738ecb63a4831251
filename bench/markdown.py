"""Figures and tables as a page of Markdown shows them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def number(value: float) -> str:
    """Return a figure with as many digits as mean something."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2  # noqa: PLR2004 - places
    return f"{value:,.{digits}f}"


def time(value: float) -> str:
    """Return seconds as people say them: 12.3 s, 45 ms."""
    return f"{number(value)} s" if value >= 1 else f"{value * 1000:.0f} ms"


def span(rounds: Sequence[float], middle: float | None) -> str:
    """Return a median with its range, or a dash when nothing was measured."""
    if middle is None:
        return "-"
    if len(rounds) == 1:
        return time(middle)
    return f"{time(middle)} ({time(min(rounds))} to {time(max(rounds))})"


def times(value: float | None) -> str:
    """Return a ratio as 12.3x, or a dash."""
    return "-" if value is None else f"{number(value)}x"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: int) -> str:
    """Return a table of Markdown whose columns from ``right`` on stand right."""
    rule = [":--" if n < right else "--:" for n in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
