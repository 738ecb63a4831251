"""The sections on partitions and on tables that change say what the figures say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import churn_page, partitions_page

FIGURES = Path(__file__).parents[2] / "docs" / "performance"


@pytest.fixture
def partitions() -> dict[str, Any]:
    """Provide figures whose ratios can be told by head."""
    answer = {
        "name": "a plan deleted",
        "rows": 1,
        "buffers": {"whole": 400, "parts": 1200},
        "seconds": {"whole": [0.001, 0.002, 0.003], "parts": [0.004, 0.005, 0.009]},
        "planned": {"whole": [0.002], "parts": [0.003]},
    }
    sides = {
        "whole": {"seconds": 0.3, "wal": 2048},
        "parts": {"seconds": 0.03, "wal": 1024},
    }
    return {
        "plans": 600,
        "partitions": 16,
        "rows": {"task_progress": 500_000, "plan_generations": 24_000},
        "moved": 2.5,
        "answers": [answer],
        "month": sides,
    }


@pytest.fixture
def churn() -> dict[str, Any]:
    """Provide figures of two variants."""

    def fate(hot: int, wal: int) -> dict[str, Any]:
        return {
            "before": {"tasks": [900, 1100]},
            "after": {"tasks": [1000, 1250]},
            "rows": {"tasks": 10, "task_progress": 1_000_000},
            "updates": {"tasks": 200},
            "hot": {"tasks": hot},
            "vacuums": {"tasks": 3},
            "changed": {"a task's title": 4},
            "wal": {"a task's title": wal},
            "vacuum": 0.5,
        }

    variants = {"deployed": fate(50, 800), "both": fate(100, 400)}
    for one in variants.values():
        for facts in ("before", "after", "updates", "hot", "vacuums"):
            one[facts]["task_progress"] = [0, 0] if facts in {"before", "after"} else 0
    return {"rounds": 40, "variants": variants}


def test_a_question_shows_pages_medians_and_ratios(partitions: dict[str, Any]) -> None:
    """A row is the pages of both sides, the medians of their times, three ratios."""
    said = partitions_page.section(partitions)
    row = (
        "| a plan deleted | 400 | 1,200 | 3.00x | 2,000 us | 5,000 us | 2.50x | 1.50x |"
    )
    assert row in said
    assert "took 2.5 s, 5 s a\nmillion rows" in said
    assert "| `delete`, `vacuum` | 300 ms | 2 KiB |" in said
    assert "| `detach partition`, `drop table` | 30 ms | 1 KiB |" in said


def test_a_table_shows_hot_and_bytes_a_row(churn: dict[str, Any]) -> None:
    """A row is the share of updates in place, vacuums, and bytes of heap and indexes."""
    said = churn_page.section(churn)
    assert "| `tasks` | as deployed | 200 | 25% | 3 | 200 | 225 |" in said
    assert "| `tasks` | both | 200 | 50% | 3 | 200 | 225 |" in said
    assert "| a task's title | 200 | 100 |" in said
    assert "took 0.5 s a million rows" in said


@pytest.mark.parametrize("page", [partitions_page, churn_page])
def test_figures_of_the_docs_make_a_section(page: Any) -> None:
    """What was measured last is a section, with every row that was measured."""
    name = page.__name__.removeprefix("bench.").removesuffix("_page")
    data = json.loads((FIGURES / f"{name}.json").read_text())
    said = page.section(data)
    assert said.startswith("## ")
    rows = [one["name"] for one in data.get("answers", [])]
    rows += data.get("variants", {}).get("deployed", {}).get("wal", {})
    assert rows
    assert [] == [row for row in rows if f"| {row} |" not in said]
