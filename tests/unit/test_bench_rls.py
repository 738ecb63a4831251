"""The benchmark of row security: what is asked, and what is made of the figures."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from bench import rls, rls_page, rls_targets
from bench.buffers import scans
from bench.errors import BenchError
from bench.rounds import QUESTIONS
from bench.wording import TYPES
from bench.worlds import TOWN, build

if TYPE_CHECKING:
    from pathlib import Path

ASKED = [f"{question.name}, {who}" for question in QUESTIONS for who in question.who]


def answer(
    name: str, *, kind: str = "read", single: bool = False, **pages: float
) -> dict[str, Any]:
    """Make the answer to a question; what takes n pages takes n milliseconds."""
    return {
        "name": name,
        "who": "small",
        "kind": kind,
        "whose": "one",
        "single": single,
        "rows": 1,
        "lanes": {
            lane: {
                "pages": each,
                "kept": each,
                "calls": 1,
                "steady": True,
                "execution": [each / 1000] * 3,
                "waited": [each / 1000] * 3,
                "scanned": ["tasks"] if each > 99 else [],
            }
            for lane, each in pages.items()
        },
    }


def world(plans: int, *answers: dict[str, Any]) -> dict[str, Any]:
    """Make the figures of a world of so many plans."""
    return {
        "plans": plans,
        "made_of": "one",
        "facts": {"date": "2026-01-01"},
        "rows": {"tasks": 100_000},
        "size": {"tasks": 8_000_000},
        "built": 9,
        "identity": {"user_id": 8e-6, "sub": 12e-6},
        "answers": list(answers),
    }


@pytest.fixture
def data() -> dict[str, Any]:
    """Provide figures whose ratios can be told by head."""
    page = {"hand": 10, "id": 20, "sub": 30, "naive": 80, "accessor": 10}
    small = world(
        100_000, answer("page", **page), answer("tick", kind="write", hand=10, id=10)
    )
    grown = {**page, "id": 24, "hand": 12}
    large = world(
        1_000_000, answer("page", **grown), answer("tick", kind="write", hand=10, id=18)
    )
    return {"worlds": [small, large]}


def test_targets_are_held_against_the_largest_world(data: dict[str, Any]) -> None:
    """Each promise is held against the worst question; 10/12 is within, 18/10 is not."""
    found = {
        target.promise: (round(target.found or 0, 2), target.met)
        for target in rls_targets.targets(data)
    }
    assert {
        "pages of an accessor: at most 1.05": (0.83, True),
        "execution of an accessor: at most 1.3": (0.83, True),
        "waiting for an accessor, planning and transport included: at most 1.3": (
            0.83,
            True,
        ),
        "pages of the tables, geometric mean of all: at most 1.8": (1.9, False),
        "pages of a read of one table or a write: at most 1.5": (1.8, False),
        "pages of any question: at most 4": (2.0, True),
        "growth of pages from 100,000 plans to 1,000,000, one user or plan:"
        " at most 1.25": (1.8, False),
        "microseconds to know who asks, by user_id: at most 10": (8.0, True),
        "microseconds to know who asks, by sub: at most 10": (12.0, False),
        "big tables read whole: at most 0": (0.0, True),
    } == found


def test_growth_needs_both_sizes(data: dict[str, Any]) -> None:
    """24 pages after 20 are 1.2 times; with one world there is nothing to grow from."""
    one, _ = data["worlds"][-1]["answers"]
    assert 1.2 == rls_targets.growth(data, one, "id")
    assert None is rls_targets.growth({"worlds": data["worlds"][1:]}, one, "id")


def test_page_shows_ratios_and_what_is_missed(data: dict[str, Any]) -> None:
    """A row has pages and ratios; a question beyond its bound is named with the bound."""
    text = rls_page.section(data)
    rows = text.splitlines()
    assert "| page | 12 | 24 | 2.00x | 2.50x | 6.67x | 0.83x | 1.00x | 1 |" in rows
    assert "| tick | 10 | 18 | 1.80x | - | - | - | 1.00x | 1 |" in rows
    assert "| page | 20 | 24 | 1.20x | 1.20x |" in rows
    assert [
        "- **tick**, from the tables: 1.80x the pages, where 1.5 is the target.",
        "- **tick** grows 1.80x, where 1.25 is the target; by hand it grows 1.00x:"
        " B-trees gain a level.",
    ] == [row for row in rows if row.startswith("- **tick")]


def test_page_names_no_miss_where_all_is_met(data: dict[str, Any]) -> None:
    """Without a miss there is no heading for misses."""
    del data["worlds"][-1]["answers"][1]
    assert "Where a target is missed" not in rls_page.section(data)


def test_a_table_read_whole_is_counted() -> None:
    """A question for which ours reads a big table whole is found; a small one may be."""
    found = world(
        10_000, answer("whole", hand=1, id=100), answer("fine", hand=100, id=1)
    )
    assert ["whole (small): tasks"] == rls_targets.scanned(found)
    assert [] == rls_targets.scanned(found | {"rows": {"tasks": 99_999}})


def test_plot_has_a_mark_for_each_way(data: dict[str, Any]) -> None:
    """The plot is sound XML; each way has its mark in the legend and where it was asked."""
    svg = ET.fromstring(rls_page.plot(data))  # noqa: S314 - our own text
    marks = [
        e.get("class") for e in svg.iter() if e.tag.endswith(("circle", "polygon"))
    ]
    assert {"loop": 2, "ours": 3, "pg_prove": 2} == {
        m: marks.count(m) for m in set(marks)
    }
    assert ["2.00x", "1.80x"] == [
        e.text for e in svg.iter() if "group end" == e.get("class")
    ]


def test_scans_are_found_in_sub_plans() -> None:
    """Every node of a plan is looked at, an index scan is none."""
    below = {"Node Type": "Seq Scan", "Relation Name": "tasks"}
    index = {"Node Type": "Index Scan", "Relation Name": "modules", "Plans": [below]}
    assert ["tasks"] == list(scans({"Node Type": "Result", "Plans": [index]}))


def test_figures_of_other_sizes_stay_if_of_a_kind(tmp_path: Path) -> None:
    """A run replaces its size; what was made of another schema does not stay beside it."""
    path = tmp_path / "rls.json"
    other = world(1_000_000) | {"made_of": "another"}
    path.write_text(json.dumps({"worlds": [world(10_000), world(100_000), other]}))
    new = world(100_000) | {"built": 1}
    assert [(10_000, 9), (100_000, 1)] == [
        (each["plans"], each["built"]) for each in rls.beside([new], path)["worlds"]
    ]
    assert {"worlds": [new]} == rls.beside([new], tmp_path / "none.json")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.name)
def test_every_question_is_worded_soundly(question: Any) -> None:
    """By hand the user is named, as ours never; a write says what it leaves."""
    wordings = [
        question.hand,
        question.caller,
        question.accessor or "",
        question.after or "",
    ]
    used = set(re.findall(r"\{(\w+)\}", " ".join(wordings)))
    assert set() == used - set(TYPES)
    if not question.service:
        assert "{me}" not in question.caller + (question.accessor or "")
    assert ("write" == question.kind) == (question.after is not None)


def test_no_question_is_asked_twice() -> None:
    """A name and a person are one answer."""
    assert len(set(ASKED)) == len(ASKED)


@pytest.mark.parametrize("plans", [0, 9_999, 15_000])
def test_a_world_is_made_of_whole_towns(plans: int) -> None:
    """Any other size is refused, with the one that would do."""
    with pytest.raises(BenchError, match=f"no world of {plans:,} plans") as refused:
        build(None, plans, print)  # type: ignore[arg-type] # refused before it is asked
    assert f"{TOWN:,}" in str(refused.value)
