"""The format language beside Sqitch's own formatter, asked through tests/warm.py."""

from __future__ import annotations

import random
from datetime import datetime
from typing import TYPE_CHECKING, Any

from learnplan_db.errors import LearnplanError
from learnplan_db.model import Item, Planner
from learnplan_db.reports import formats

if TYPE_CHECKING:
    from warm import Warm

ARGUMENTS = (
    *("", "0", " ", "x", "n", "name", "e", "email", "d", "date", "date:", "date:raw"),
    *("date:0", "d:rfc", "date:nope", "datefoo", "date:cldr:y 'x'", "date:strftime:%d"),
    *("5", "-3", "5abc", " 7", "00", "4.9", "red", "bold red", ":event", "RED blue"),
    *("rgb123", "rgb678", "grey24", "ansi16", "ansi07", "r300g1b1", "on_r1g2b3"),
    *("event", "tags", "note", "requires", "planned_at", "committer_email", "  > "),
)
NOTES = (
    *("", "One.", "One\n", "a\nb", "a\n\nb\n c\n", "\nlead", "x\ry\nz", "\x0bq"),
    *("u\u2028v", "ünï\nü", "\n\n", "a\x0c\n\nb"),
)


def random_format(chosen: random.Random) -> str:
    """Return codes that may be wrong, with widths, arguments and text between."""
    parts = []
    for _ in range(chosen.randint(1, 3)):
        parts += [
            chosen.choice(["", "", " ", "x", "%%", "\n", "%", "{", "}", "ü"]),
            "%",
        ]
        parts += [
            chosen.choice(["", "", "-"]),
            chosen.choice(["", "5", "25", "025", "0"]),
        ]
        parts.append(chosen.choice(["", "", ".", ".3", ".0", ".30"]))
        if chosen.random() < 0.6:
            parts.append("{" + chosen.choice(ARGUMENTS) + "}")
        parts.append(chosen.choice("eLlHhnocptTvCsbBrRxXaaC_hcpz%Q "))
    return "".join(parts)


def test_any_format_is_read_as_sqitch_reads_it(oracle: Warm) -> None:
    """2,000 random formats: the same text, or refused by both."""
    chosen = random.Random(20261125)  # noqa: S311 - not a secret
    asked = []
    for _ in range(2000):
        item = {
            "event": chosen.choice(["deploy", "revert", "fail"]),
            "project": "flipr",
            "change_id": "0123456789" * 4,
            "change": chosen.choice(["users", "a-längere-change"]),
            "note": chosen.choice(NOTES),
            "tags": chosen.choice([[], ["@v1"], ["@v1", "@v2"]]),
            "requires": chosen.choice([[], ["a"], ["a", "b@x"]]),
            "conflicts": chosen.choice([[], ["z"]]),
            "planner_name": "Pä",
            "planner_email": "p@x",
            "committer_name": "C c",
            "committer_email": "c@x",
            "planned_at": "2026-01-02T03:04:05+00:00",
            "committed_at": "2026-07-08T09:10:11+00:00",
        }
        abbrev = chosen.choice([0, 6, 50])
        asked.append({"item": item, "format": random_format(chosen), "abbrev": abbrev})
    expected = [
        oracle.ask("format", one["format"], one["item"], one["abbrev"]) for one in asked
    ]
    assert 500 < sum(text is not None for text in expected) < 1500
    different = [
        (one["format"], one["item"]["note"], text, found)
        for one, text in zip(asked, expected, strict=True)
        if text != (found := written(one))
    ]
    assert [] == different


def written(asked: dict[str, Any]) -> str | None:
    """Return what our formatter writes, or None where it refuses."""
    given = dict(asked["item"])
    for who in ("planner", "committer"):
        given[who] = Planner(given.pop(f"{who}_name"), given.pop(f"{who}_email"))
    for when in ("planned_at", "committed_at"):
        given[when] = datetime.fromisoformat(given[when])
    for several in ("tags", "requires", "conflicts"):
        given[several] = tuple(given[several])
    try:
        hunks = formats.parse(asked["format"])
        writer = formats.Formatter(hunks, "iso", asked["abbrev"], color=True)
        return writer.text(Item(**given))
    except LearnplanError:
        return None
