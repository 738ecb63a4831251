"""The section of docs/performance.md about row security, and its plot. Pure."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, Any

from bench import rls_targets
from bench.markdown import number, table, times
from bench.plot import STYLE, WIDTH, mark, text
from bench.rls_targets import ratio
from bench.rls_words import HEAD, HEAVY, METHOD, MISSED, WHY
from bench.wording import ONE

if TYPE_CHECKING:
    from collections.abc import Sequence

MET = {True: "yes", False: "**no**", None: "not run"}
LEFT, RIGHT, TOP, ROW, FOOT = 330.0, 780.0, 104, 24, 62
LOW, HIGH = 0.4, 100.0  # ratios beyond are drawn at the edge, and written
GRID = (0.5, 1, 2, 4, 10, 20, 50, 100)
LEGEND = (
    ("loop", "accessor"),
    ("ours", "our policies"),
    ("pg_prove", "naive policies"),
)
LANES = (("accessor", "loop"), ("naive", "pg_prove"), ("id", "ours"))


def section(data: dict[str, Any]) -> str:
    """Return the whole section."""
    world = data["worlds"][-1]
    parts = [
        HEAD,
        f"### Targets of row security\n\n{targets_table(data)}\n",
        missed(data),
        f"### Pages, {world['plans']:,} plans\n\n{pages_table(world)}\n",
        f"### Times, {world['plans']:,} plans\n\n{times_table(world)}\n",
        f"### Growth\n\n{growth_table(data)}\n",
        f"### Worlds\n\n{worlds_table(data)}\n",
        facts(world),
        METHOD.format(rounds=7),
    ]
    return "\n".join(part for part in parts if part)


def targets_table(data: dict[str, Any]) -> str:
    """Return what was promised, the worst that was found, and whether that is met."""
    rows = [
        (
            target.promise,
            "-" if target.found is None else number(target.found),
            MET[target.met],
        )
        for target in rls_targets.targets(data)
    ]
    return table(("target", "worst found", "met"), rows, 1)


def missed(data: dict[str, Any]) -> str:
    """Return the questions beyond what was promised, and the rule behind it."""
    lines = []
    for answer in data["worlds"][-1]["answers"]:
        for lane, bound in rls_targets.bounds(answer):
            found = ratio(answer, lane)
            if found is not None and round(found, 2) > bound:
                way = "by accessor" if lane == "accessor" else "from the tables"
                why = WHY.get(answer["name"], "")
                lines.append(
                    f"- **{titled(answer)}**, {way}: {times(found)} the pages, where"
                    f" {bound:g} is the target. {why}".rstrip()
                )
        grown = rls_targets.growth(data, answer, "id")
        hand = rls_targets.growth(data, answer, "hand")
        if answer["whose"] == ONE and grown and round(grown, 2) > rls_targets.GROWTH:
            lines.append(
                f"- **{titled(answer)}** grows {times(grown)}, where"
                f" {rls_targets.GROWTH:g} is the target; by hand it grows"
                f" {times(hand)}: B-trees gain a level."
            )
    return MISSED.format(lines="\n".join(lines)) if lines else ""


def titled(answer: dict[str, Any]) -> str:
    """Return the name of a question, with who asks if that is not the usual person."""
    return f"{answer['name']}{HEAVY if answer['who'] == 'heavy' else ''}"


def pages_table(world: dict[str, Any]) -> str:
    """Return the pages by hand, and how many times as many each way touches."""
    rows = []
    for answer in world["answers"]:
        ours = answer["lanes"]["id"]
        rows.append(
            (
                titled(answer),
                number_of(rls_targets.by_hand(answer)),
                number_of(ours["pages"]),
                times(ratio(answer, "id")),
                times(ratio(answer, "sub")),
                times(ratio(answer, "naive")),
                times(ratio(answer, "accessor")),
                times(ours["kept"] / ours["pages"]),
                number_of(ours["calls"]),
            )
        )
    head = (
        "question",
        "by hand",
        "ours",
        "ours / hand",
        "with sub",
        "naive",
        "accessor",
    )
    return table((*head, "generic plan", "asks who"), rows, 1)


def number_of(value: float) -> str:
    """Return a count, without places where it is whole."""
    return f"{value:,.0f}"


def times_table(world: dict[str, Any]) -> str:
    """Return execution and waiting by hand, and how many times each way takes."""
    rows = []
    for answer in world["answers"]:
        hand = answer["lanes"]["hand"]
        ways = ("id", "sub", "naive", "accessor")
        rows.append(
            (
                titled(answer),
                span(hand["execution"]),
                *(times(ratio(answer, way, "execution")) for way in ways),
                span(hand["waited"]),
                *(times(ratio(answer, way, "waited")) for way in ways),
            )
        )
    ways = ("ours", "with sub", "naive", "accessor")
    return table(("question", "by hand, ms", *ways, "waited, ms", *ways), rows, 1)


def span(each: Sequence[float]) -> str:
    """Return a median and a range of seconds as milliseconds."""
    middle, least, most = (f"{value * 1000:,.2f}" for value in each)
    return f"{middle} ({least} to {most})"


def growth_table(data: dict[str, Any]) -> str:
    """Return the pages of ours by size of the world, and how they grow beside hand."""
    worlds = data["worlds"]
    rows = []
    for answer in worlds[-1]["answers"]:
        pages = []
        for world in worlds:
            same = next(a for a in world["answers"] if rls_targets.alike(a, answer))
            pages.append(number_of(same["lanes"]["id"]["pages"]))
        grown = (rls_targets.growth(data, answer, lane) for lane in ("id", "hand"))
        rows.append((titled(answer), *pages, *map(times, grown)))
    sizes = (f"{world['plans']:,} plans" for world in worlds)
    return table(("pages, ours", *sizes, "growth", "by hand"), rows, 1)


def worlds_table(data: dict[str, Any]) -> str:
    """Return the rows and sizes of the worlds."""
    worlds = data["worlds"]
    rows = [
        (
            name,
            *(f"{w['rows'][name]:,}, {w['size'][name] / 1e6:,.0f} MB" for w in worlds),
        )
        for name in worlds[-1]["rows"]
    ]
    rows.append(("made by two workers, in all", *(f"{w['built']:,} s" for w in worlds)))
    return table(("rows and size", *(f"{w['plans']:,} plans" for w in worlds)), rows, 1)


def facts(world: dict[str, Any]) -> str:
    """Return what the figures depend on."""
    return table(("fact", "value"), world["facts"].items(), 2) + "\n"


def place(value: float) -> float:
    """Return where a ratio is drawn."""
    part = log10(min(max(value, LOW), HIGH) / LOW) / log10(HIGH / LOW)
    return LEFT + part * (RIGHT - LEFT)


def plot(data: dict[str, Any]) -> str:
    """Return the plot: a row a question, a mark for each way, by hand is 1."""
    world = data["worlds"][-1]
    y, rows = TOP + ROW / 2, []
    for answer in world["answers"]:
        rows += line(answer, y)
        y += ROW
    bottom = y - ROW / 2
    grid = []
    for value in GRID:
        x = place(value)
        kind = "floor" if value == 1 else "grid"
        grid.append(
            f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}"'
            f' y2="{bottom}"/>'
        )
        grid.append(text(x, bottom + 20, f"{value:g}", "soft middle"))
    marks, x = [], LEFT + 6.0
    for tool, name in LEGEND:
        marks += [mark(tool, x, 70), text(x + 13, 74.5, name)]
        x += 48 + 7.2 * len(name)
    height = bottom + FOOT
    title = (
        f"Pages touched, relative to the statement by hand; {world['plans']:,} plans"
    )
    foot = "logarithmic; 1 is the statement by hand, row security off"
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    edge = f'width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8"'
    space = 'xmlns="http://www.w3.org/2000/svg"'
    return "\n".join(
        [
            f'<svg {space} {size} role="img" aria-label="{title}">',
            STYLE,
            f'<rect class="paper" x=".5" y=".5" {edge}/>',
            text(24, 36, title, "title"),
            *grid,
            *marks,
            *rows,
            text((LEFT + RIGHT) / 2, bottom + 42, foot, "soft middle"),
            "</svg>\n",
        ]
    )


def line(answer: dict[str, Any], y: float) -> list[str]:
    """Return the row of a question: its name, its marks, the ratio of ours."""
    found = [
        (tool, r) for lane, tool in LANES if (r := ratio(answer, lane)) is not None
    ]
    return [
        text(LEFT - 16, y + 4.5, titled(answer), "end"),
        *(mark(tool, place(value), y) for tool, value in found),
        text(WIDTH - 24, y + 4.5, times(ratio(answer, "id")), "group end"),
    ]
