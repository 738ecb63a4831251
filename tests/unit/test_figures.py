"""The figures of the views of progress, by the model: outline, client mapping notes."""

from __future__ import annotations

from typing import Any

import pytest

from learnplan_db.proof import questions
from learnplan_db.proof.figures import differing, figures
from sample_worlds import ADA, BEN, NOBODY, SERVICE


@pytest.mark.parametrize(
    ("who", "word", "expected"),
    [
        (ADA, "private-1", {"completed_tasks": 1, "status": "in_progress"}),
        (ADA, "private-2", {"total_tasks": 0, "percentage": 0}),
        (ADA, "public-1", {"completed_tasks": 0, "status": "in_progress"}),
        (BEN, "public-1", {"completed_tasks": 2, "status": "completed"}),
        (BEN, "public-1", {"completed_minutes": 30, "percentage": 100}),
        (BEN, "other-1", {"completed_tasks": 0, "status": "not_started"}),
        (SERVICE, "public-1", {"user_id": "ada", "completed_tasks": 0}),
    ],
)
def test_module_shows_the_progress_of_who_asks(
    who: Any, word: str, expected: dict[str, object]
) -> None:
    """Each sees what they did themselves; the service sees what the owner did."""
    got = figures(questions.world(), who, "module_progress")[word]
    assert {name: got[name] for name in expected} == expected


def test_current_week_is_the_first_that_is_not_completed() -> None:
    """`currentWeek` advances when a module is fully completed (outline)."""
    plans = {
        who: figures(questions.world(), who, "plan_progress") for who in (ADA, BEN)
    }
    assert plans[ADA]["private"]["current_week"] == 1
    assert plans[BEN]["public"]["current_week"] == 2
    assert plans[BEN]["public"]["completed_hours"] == 0.5


def test_figures_are_of_visible_rows_only() -> None:
    """Nobody sees none; a private plan of another is not there."""
    assert figures(questions.world(), NOBODY, "plan_progress") == {}
    assert set(figures(questions.world(), BEN, "plan_progress")) == {"public", "other"}


def test_differing_names_the_column_and_both_figures() -> None:
    """What is cut to one decimal is the same; any other figure is not."""
    wanted = {"percentage": 100 / 3, "total_tasks": 3, "status": "in_progress"}
    assert differing(wanted, wanted | {"percentage": 33.3}) == []
    got = {"percentage": 33.0, "total_tasks": 3, "status": None}
    assert differing(wanted, got) == [
        f"percentage 33.0 instead of {100 / 3}",
        "status None instead of in_progress",
    ]
