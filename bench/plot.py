"""
The plot docs/performance.svg: seconds by case and tool, on a logarithmic axis.

Plain SVG with its own light and dark colours, so that nothing needs installing and a
page shows it in either. Each tool has a shape as well as a colour. Pure; never prints.
"""

from __future__ import annotations

from html import escape
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from bench.page import TITLES, time, times

if TYPE_CHECKING:
    from bench.results import Report, Result

WIDTH, LEFT, RIGHT, TOP = 860, 230, 730, 104
ROW, GAP, FOOT, RADIUS = 24, 22, 62, 5.5
LEGEND = (("floor", "psql alone"), ("ours", "learnplan-db"), ("sqitch", "Sqitch"))
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
.floor{{fill:var(--paper);stroke:var(--floor);stroke-width:2}}
.ours{{fill:var(--ours)}}
.sqitch{{fill:var(--sqitch)}}
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

    def grid(self, bottom: float) -> list[str]:
        """Return a line and a label for each decade."""
        lines = []
        for power in range(self.low, self.high + 1):
            x = self.x(10**power)
            lines.append(
                f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}"'
                f' y2="{bottom:.0f}"/>'
            )
            label = time(10**power).replace(".00", "").replace(".0", "")
            lines.append(text(x, bottom + 20, label, "soft middle"))
        return lines


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return a text at a place."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def mark(tool: str, x: float, y: float) -> str:
    """Return the mark of a tool: a ring, a disc, a diamond."""
    if tool == "sqitch":
        r = RADIUS + 1.5
        points = f"{x:.1f},{y - r} {x + r:.1f},{y} {x:.1f},{y + r} {x - r:.1f},{y}"
        return f'<polygon class="sqitch" points="{points}"/>'
    r = RADIUS if tool == "ours" else RADIUS - 1
    return f'<circle class="{tool}" cx="{x:.1f}" cy="{y}" r="{r}"/>'


def legend() -> list[str]:
    """Return the names of the marks, and the heading of the ratios."""
    parts, x = [], LEFT + 6.0
    for tool, name in LEGEND:
        parts += [mark(tool, x, 70), text(x + 13, 74.5, name)]
        x += 48 + 7.2 * len(name)
    return [*parts, text(WIDTH - 24, 74.5, "Sqitch / ours", "soft end")]


def line(result: Result, step: str, axis: Axis, y: float) -> list[str]:
    """Return the row of a case and step: its name, its marks, its ratio."""
    found = [
        (tool, axis.x(middle))
        for tool, _ in LEGEND
        if (middle := result.median(step, tool)) is not None
    ]
    places = [x for _, x in found]
    ratio = times(result.ratio(step, "sqitch", "ours"))
    reach = f'x1="{min(places):.1f}" x2="{max(places):.1f}" y1="{y}" y2="{y}"'
    return [
        text(LEFT - 20, y + 4.5, step, "end"),
        f'<line class="span" {reach}/>',
        *(mark(tool, x, y) for tool, x in found),
        text(WIDTH - 24, y + 4.5, ratio, "group end"),
    ]


def group(result: Result, axis: Axis, top: float) -> tuple[list[str], float]:
    """Return the rows of a case under its name, and where the next one begins."""
    title = TITLES.get(result.name, result.name)
    height = GAP + ROW * len(result.seconds)
    parts = [text(24, top + 15, title, "group")]
    y = top + GAP + ROW / 2
    for step in result.seconds:
        parts += line(result, step, axis, y)
        y += ROW
    return parts, top + height + 6


def render(report: Report) -> str:
    """Return the whole plot."""
    shown = [result for result in report.results if result.seconds]
    values = [
        middle
        for result in shown
        for step, by_tool in result.seconds.items()
        for tool in by_tool
        if (middle := result.median(step, tool))
    ]
    axis, rows, top = Axis(values), [], float(TOP)
    for result in shown:
        parts, top = group(result, axis, top)
        rows += parts
    height = top + FOOT
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
            text(24, 36, "How long it takes, from start to exit", "title"),
            *axis.grid(top),
            *legend(),
            *rows,
            text(
                (LEFT + RIGHT) / 2,
                top + 42,
                "logarithmic; left is faster",
                "soft middle",
            ),
            "</svg>\n",
        ]
    )
