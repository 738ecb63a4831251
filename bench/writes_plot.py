"""
The plot docs/performance/writes.svg: blocks of a write, layer upon layer.

In the style of bench.plot. The layers stand in the same order in every bar and in the
legend, so that colour is not all that tells them apart. Pure; never prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.markdown import number, times
from bench.plot import LEFT, RIGHT, STYLE, WIDTH, text
from bench.writes_world import BARE, LAYERS, TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.writes_layers import Layers

ROW, BAR, GAP, TOP, FOOT = 18, 11, 12, 92, 56
STEP = 10  # blocks between two lines of the grid
KIND = {layer: layer.replace(" ", "-") for layer in LAYERS}
SHADES = """<style>
.bare{fill:var(--floor)}
.indexes{fill:var(--ours);fill-opacity:.3}
.constraints{fill:var(--ours);fill-opacity:.6}
.triggers{fill:var(--ours)}
.row-security{fill:var(--sqitch)}
</style>"""


def rectangle(kind: str, x: float, y: float, width: float) -> str:
    """Return a part of a bar."""
    where = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR}"'
    return f'<rect class="{kind}" {where}/>'


def bar(blocks: Sequence[float], scale: float, y: float) -> list[str]:
    """Return the parts of a bar, and what all layers touch together."""
    parts, reach = [], 0.0
    for layer, touched in zip(LAYERS, blocks, strict=True):
        if touched > reach:  # a layer may also save something
            x, width = LEFT + reach * scale, (touched - reach) * scale
            parts.append(rectangle(KIND[layer], x, y, width))
            reach = touched
    whole = f"{number(blocks[-1])}, {times(blocks[-1] / blocks[0])}"
    return [*parts, text(LEFT + reach * scale + 8, y + BAR - 1, whole, "soft")]


def legend() -> list[str]:
    """Return the names of the layers."""
    parts, x = [], float(LEFT)
    for layer in LAYERS:
        said = layer if layer == BARE else f"+ {layer}"
        parts += [rectangle(KIND[layer], x, 58, BAR), text(x + 17, 68, said)]
        x += 42 + 7.2 * len(said)
    return parts


def grid(most: float, scale: float, bottom: float) -> list[str]:
    """Return a line and a label for every few blocks."""
    parts = []
    for blocks in range(0, int(most) + 1, STEP):
        x = LEFT + blocks * scale
        ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{bottom:.0f}"'
        parts.append(f'<line class="grid" {ends}/>')
        parts.append(text(x, bottom + 20, str(blocks), "soft middle"))
    said = "blocks touched by a statement of one row; left is cheaper"
    return [*parts, text((LEFT + RIGHT) / 2, bottom + 42, said, "soft middle")]


def plot(found: Layers, operations: Sequence[str]) -> str:
    """Return the whole plot: a bar for each operation on each table."""
    costs = {
        (name, operation): [
            found.cost("blocks", name, operation, "one", layer) for layer in LAYERS
        ]
        for name in TABLES
        for operation in operations
    }
    most = max(max(blocks) for blocks in costs.values())
    scale = (RIGHT - LEFT) / most
    rows: list[str] = []
    y = float(TOP)
    for name in TABLES:
        rows.append(text(24, y + BAR - 1, name, "group"))
        for operation in operations:
            rows.append(text(LEFT - 20, y + BAR - 1, operation, "end"))
            rows += bar(costs[name, operation], scale, y)
            y += ROW
        y += GAP
    title, height = "What a write of one row touches, layer upon layer", y + FOOT
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    edge = f'width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8"'
    space = 'xmlns="http://www.w3.org/2000/svg"'
    return "\n".join(
        [
            f'<svg {space} {size} role="img" aria-label="{title}">',
            STYLE,
            SHADES,
            f'<rect class="paper" x=".5" y=".5" {edge}/>',
            text(24, 36, title, "title"),
            *grid(most, scale, y),
            *legend(),
            *rows,
            "</svg>\n",
        ]
    )
