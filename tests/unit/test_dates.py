"""Dates as text, in the zone of the machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from learnplan_db.errors import ReportError
from learnplan_db.reports import dates

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEN = datetime(2026, 3, 5, 23, 4, 9, 987654, UTC)


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Live in Newfoundland: half an hour off, and with summer time."""
    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("iso", "2026-03-05 19:34:09 -0330"),
        ("iso8601", "2026-03-05 19:34:09 -0330"),
        ("raw", "2026-03-05T23:04:09Z"),
        ("rfc", "Thu, 05 Mar 2026 19:34:09 -0330"),
        ("full", "Thursday, March 5, 2026, 7:34:09\u202fPM America/St_Johns"),
        ("long", "March 5, 2026, 7:34:09\u202fPM NST"),
        ("medium", "Mar 5, 2026, 7:34:09\u202fPM"),
        ("short", "3/5/26, 7:34\u202fPM"),
        ("cldr:yy-MM-dd 'o''clock' HH ZZZZZ", "26-03-05 o'clock 19 -03:30"),
        ("cldr:EEEEE MMMM QQQ SSS b", "T March Q1 000 b"),
        ("strftime:%a %e %b %j %U %% %Q", "Thu  5 Mar 064 09 % %Q"),
        ("strftime:%{day_name}|%{nope}|%3N", "Thursday|%{nope}|000"),
    ],
)
def test_date_is_written(form: str, expected: str) -> None:
    """Each format, in local time but for raw (sqitch-log, --date-format)."""
    assert expected == dates.text(WHEN, dates.check(form))


def test_summer_time_is_that_of_the_date() -> None:
    """The offset is the one that holds at the time shown, not now."""
    summer = WHEN.replace(month=7)
    assert "2026-07-05 20:34:09 -0230" == dates.text(summer)
    assert "NDT" == dates.text(summer, "cldr:z")


def test_utc_is_unknown_zone_in_rfc(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 2822: -0000 says that no zone is meant."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert "Thu, 05 Mar 2026 23:04:09 -0000" == dates.text(WHEN, "rfc2822")
    assert dates.text(WHEN, "full").endswith("PM UTC")


@pytest.mark.parametrize("form", ["", "ISO", "strftime", "fulll"])
def test_unknown_format_is_refused(form: str) -> None:
    """The names are listed, and the two that take a pattern."""
    with pytest.raises(ReportError, match="unknown date format") as caught:
        dates.check(form)
    assert "cldr:PATTERN" in str(caught.value)
