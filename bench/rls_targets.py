"""What was promised of row security, and whether a run keeps it. Pure; never prints."""

from __future__ import annotations

from statistics import geometric_mean
from typing import TYPE_CHECKING, Any

from bench.targets import Target
from bench.wording import ONE, WRITE

if TYPE_CHECKING:
    from collections.abc import Iterable

BIG = 100_000  # rows: a table of fewer may well be read whole
SMALL, LARGE = 100_000, 1_000_000
GROWTH, MEAN, EACH, WORST = 1.25, 1.8, 1.5, 4.0
ACCESSOR_PAGES, ACCESSOR_TIME, IDENTITY = 1.05, 1.3, 10.0


def ratio(answer: dict[str, Any], lane: str, figure: str = "pages") -> float | None:
    """Return how many times a lane costs what the question costs by hand."""
    found = answer["lanes"].get(lane)
    if found is None:
        return None
    if figure == "pages":
        return float(found[figure] / by_hand(answer))
    middle, *_ = found[figure]
    return float(middle / answer["lanes"]["hand"][figure][0])


def by_hand(answer: dict[str, Any]) -> float:
    """Return the pages by hand: with the better of the statement's plans."""
    hand = answer["lanes"]["hand"]
    return float(min(hand["pages"], hand["kept"]))


def growth(data: dict[str, Any], answer: dict[str, Any], lane: str) -> float | None:
    """Return how many times the pages of a question grow from 100,000 to a million."""
    pages = []
    for plans in (SMALL, LARGE):
        for world in data["worlds"]:
            if world["plans"] == plans:
                same = next(each for each in world["answers"] if alike(each, answer))
                if lane in same["lanes"]:
                    pages.append(same["lanes"][lane]["pages"])
    return float(pages[1] / pages[0]) if len(pages) == 2 else None  # noqa: PLR2004 - both


def alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two answers are to the same question of the same kind of person."""
    return bool(one["name"] == other["name"] and one["who"] == other["who"])


def targets(data: dict[str, Any]) -> list[Target]:
    """Return all promises with what the largest world of a run found."""
    world = data["worlds"][-1]
    answers = world["answers"]

    def most(
        promise: str, bound: float, found: Iterable[float | None], over: str = ""
    ) -> Target:
        known = [each for each in found if each is not None]
        worst = max(known, default=None)
        return Target(
            f"{promise}{over}: at most {bound:g}", bound, least=False, found=worst
        )

    ours = [r for each in answers if (r := ratio(each, "id")) is not None]
    narrow = [each for each in answers if each["single"] or each["kind"] == WRITE]
    owned = [each for each in answers if each["whose"] == ONE]
    return [
        most(
            "pages of an accessor",
            ACCESSOR_PAGES,
            (ratio(a, "accessor") for a in answers),
        ),
        most(
            "execution of an accessor",
            ACCESSOR_TIME,
            (ratio(a, "accessor", "execution") for a in answers),
        ),
        most(
            "waiting for an accessor, planning and transport included",
            ACCESSOR_TIME,
            (ratio(a, "accessor", "waited") for a in answers),
        ),
        Target(
            f"pages of the tables, geometric mean of all: at most {MEAN:g}",
            MEAN,
            least=False,
            found=geometric_mean(ours),
        ),
        most(
            "pages of a read of one table or a write",
            EACH,
            (ratio(a, "id") for a in narrow),
        ),
        most("pages of any question", WORST, ours),
        most(
            "growth of pages from 100,000 plans to 1,000,000, one user or plan",
            GROWTH,
            (growth(data, a, "id") for a in owned),
        ),
        *(
            most(f"microseconds to know who asks, by {claim}", IDENTITY, [each * 1e6])
            for claim, each in world["identity"].items()
        ),
        most("big tables read whole", 0, [float(len(scanned(world)))]),
    ]


def bounds(answer: dict[str, Any]) -> list[tuple[str, float]]:
    """Return what was promised of the pages of a question, by lane."""
    narrow = answer["single"] or answer["kind"] == WRITE
    return [("id", EACH if narrow else WORST), ("accessor", ACCESSOR_PAGES)]


def scanned(world: dict[str, Any]) -> list[str]:
    """Return the questions for which ours reads a big table whole, with the table."""
    return [
        f"{each['name']} ({each['who']}): {name}"
        for each in world["answers"]
        for name in each["lanes"]["id"]["scanned"]
        if world["rows"][name] >= BIG
    ]
