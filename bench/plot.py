"""
The plot docs/performance.svg: seconds by case and tool, on a logarithmic axis.

Plain SVG with its own light and dark colours, so that nothing needs installing and a
page shows it in either. Each tool has a shape as well as a colour. Pure; never prints.
"""

from __future__ import annotations

from html import escape
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from bench import proofs
from bench.markdown import time, times
from bench.page import TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.results import Report, Result

    Legend = Sequence[tuple[str, str]]

WIDTH, LEFT, RIGHT, TOP = 860, 230, 730, 104
ROW, GAP, FOOT, RADIUS = 24, 22, 62, 5.5
HEADING = 70  # from the top of a panel to its legend
LEGEND = (("floor", "psql alone"), ("ours", "learnplan-db"), ("sqitch", "Sqitch"))
PROVERS = (("loop", "bare loop"), ("ours", "learnplan-db"), ("pg_prove", "pg_prove"))
LIGHT = "--paper:#ffffff;--ink:#1f2328;--soft:#59636e;--line:#d8dee4;"
LIGHT += "--band:#f6f8fa;--floor:#6e7781;--ours:#0969da;--sqitch:#bc4c00"
DARK = "--paper:#0d1117;--ink:#e6edf3;--soft:#9198a1;--line:#30363d;"
DARK += "--band:#151b23;--floor:#9198a1;--ours:#58a6ff;--sqitch:#f0883e"
STYLE = f"""<style>
svg{{{LIGHT}}}
@media (prefers-color-scheme:dark){{svg{{{DARK}}}}}
text{{font:13px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;\
fill:var(--ink)}}
.title{{font-size:17px;font-weight:600}}
.group{{font-weight:600}}
.soft{{fill:var(--soft)}}
.end{{text-anchor:end}}
.middle{{text-anchor:middle}}
.paper{{fill:var(--paper);stroke:var(--line)}}
.band{{fill:var(--band)}}
.grid{{stroke:var(--line)}}
.span{{stroke:var(--soft);stroke-opacity:.45;stroke-width:2}}
.floor,.loop{{fill:var(--paper);stroke:var(--floor);stroke-width:2}}
.ours{{fill:var(--ours)}}
.sqitch,.pg_prove{{fill:var(--sqitch)}}
</style>"""


class Axis:
    """Seconds to pixels, over the whole decades that hold all figures."""

    def __init__(self, values: list[float]) -> None:
        self.low = floor(log10(min(values)))
        self.high = max(ceil(log10(max(values))), self.low + 1)

    def x(self, value: float) -> float:
        """Return the place of so many seconds."""
        part = (log10(value) - self.low) / (self.high - self.low)
        return LEFT + part * (RIGHT - LEFT)

    def grid(self, top: float, bottom: float) -> list[str]:
        """Return a line and a label for each decade."""
        lines = []
        for power in range(self.low, self.high + 1):
            x = self.x(10**power)
            lines.append(
                f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 8:.0f}"'
                f' y2="{bottom:.0f}"/>'
            )
            label = time(10**power).replace(".00", "").replace(".0", "")
            lines.append(text(x, bottom + 20, label, "soft middle"))
        return lines


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return a text at a place."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def mark(tool: str, x: float, y: float) -> str:
    """Return the mark of a tool: a ring, a disc, a diamond for those of others."""
    if tool in {"sqitch", "pg_prove"}:
        r = RADIUS + 1.5
        points = f"{x:.1f},{y - r} {x + r:.1f},{y} {x:.1f},{y + r} {x - r:.1f},{y}"
        return f'<polygon class="{tool}" points="{points}"/>'
    r = RADIUS if tool == "ours" else RADIUS - 1
    return f'<circle class="{tool}" cx="{x:.1f}" cy="{y}" r="{r}"/>'


def legend(tools: Legend, y: float) -> list[str]:
    """Return the names of the marks, and the heading of the ratios."""
    parts, x = [], LEFT + 6.0
    for tool, name in tools:
        parts += [mark(tool, x, y), text(x + 13, y + 4.5, name)]
        x += 48 + 7.2 * len(name)
    return [*parts, text(WIDTH - 24, y + 4.5, f"{tools[-1][1]} / ours", "soft end")]


def line(result: Result, step: str, tools: Legend, axis: Axis, y: float) -> list[str]:
    """Return the row of a case and step: its name, its marks, its ratio."""
    found = [
        (tool, axis.x(middle))
        for tool, _ in tools
        if (middle := result.median(step, tool)) is not None
    ]
    places = [x for _, x in found]
    ratio = times(result.ratio(step, tools[-1][0], "ours"))
    reach = f'x1="{min(places):.1f}" x2="{max(places):.1f}" y1="{y}" y2="{y}"'
    return [
        text(LEFT - 20, y + 4.5, step, "end"),
        f'<line class="span" {reach}/>',
        *(mark(tool, x, y) for tool, x in found),
        text(WIDTH - 24, y + 4.5, ratio, "group end"),
    ]


def group(
    result: Result, tools: Legend, axis: Axis, top: float
) -> tuple[list[str], float]:
    """Return the rows of a case under its name, and where the next one begins."""
    title = (TITLES | proofs.PARTS).get(result.name, result.name)
    height = GAP + ROW * len(result.seconds)
    parts = [text(24, top + 15, title, "group")]
    y = top + GAP + ROW / 2
    for step in result.seconds:
        parts += line(result, step, tools, axis, y)
        y += ROW
    return parts, top + height + 6


def panel(
    title: str, tools: Legend, results: Sequence[Result], axis: Axis, top: float
) -> tuple[list[str], float]:
    """Return a heading, a legend and the rows of all cases, and where they end."""
    shown = [result for result in results if result.seconds]
    rows: list[str] = []
    first = bottom = top + TOP
    for result in shown:
        parts, bottom = group(result, tools, axis, bottom)
        rows += parts
    foot = text(
        (LEFT + RIGHT) / 2, bottom + 42, "logarithmic; left is faster", "soft middle"
    )
    parts = [
        text(24, top + 36, title, "title"),
        *axis.grid(first, bottom),
        *legend(tools, top + HEADING),
        *rows,
        foot,
    ]
    return parts, bottom + FOOT


def values(results: Sequence[Result], tools: Legend) -> list[float]:
    """Return all medians that have a mark."""
    return [
        middle
        for result in results
        for step in result.seconds
        for tool, _ in tools
        if (middle := result.median(step, tool))
    ]


def render(report: Report) -> str:
    """Return the whole plot."""
    proofs = report.proof.results if report.proof else ()
    axis = Axis([*values(report.results, LEGEND), *values(proofs, PROVERS)])
    heading = "How long it takes, from start to exit"
    rows, height = panel(heading, LEGEND, report.results, axis, 0)
    if proofs:
        heading = "The access matrix, tried cell by cell"
        more, height = panel(heading, PROVERS, proofs, axis, height)
        rows += more
    title = "Seconds by case and tool (logarithmic axis; left is faster)"
    size = f'width="{WIDTH}" height="{height:.0f}"'
    view = f'viewBox="0 0 {WIDTH} {height:.0f}"'
    edge = f'width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8"'
    space = 'xmlns="http://www.w3.org/2000/svg"'
    return "\n".join(
        [
            f'<svg {space} {view} {size} role="img" aria-label="{title}">',
            STYLE,
            f'<rect class="paper" x=".5" y=".5" {edge}/>',
            *rows,
            "</svg>\n",
        ]
    )
