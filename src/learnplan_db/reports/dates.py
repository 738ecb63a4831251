"""
A point in time as text: the formats of Sqitch's ``--date-format``.

The zone is the machine's (TZ). Names of months and days are English whatever LC_TIME
says: that is what Sqitch prints under C, C.UTF-8 and en_US; other locales fall back.
May import errors; never prints.
Source: Sqitch 1.3.1, dates; Perl's DateTime, CLDR and strftime patterns; CLDR en-US.
"""

from __future__ import annotations

import os
import re
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from learnplan_db.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    Pattern = Callable[[datetime, int], str]

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
DAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)
_NNBSP = "\N{NARROW NO-BREAK SPACE}"  # CLDR puts it before AM and PM
_DATE = {
    "full": "EEEE, MMMM d, y",
    "long": "MMMM d, y",
    "medium": "MMM d, y",
    "short": "M/d/yy",
}
_TIME = {
    "full": f"h:mm:ss{_NNBSP}a zzzz",
    "long": f"h:mm:ss{_NNBSP}a z",
    "medium": f"h:mm:ss{_NNBSP}a",
    "short": f"h:mm{_NNBSP}a",
}
NAMES = ("raw", "iso", "iso8601", "rfc", "rfc2822", *_DATE)
_MODIFIED_JULIAN = 678576  # the proleptic ordinal of 1858-11-17, day 0


def check(form: str) -> str:
    """
    Return a date format if it is one.

    Raises: ReportError: it is neither a name nor ``cldr:...`` nor ``strftime:...``.
    """
    if form in NAMES or form.startswith(("cldr:", "strftime:")):
        return form
    raise ReportError.unknown_date_format(form, NAMES)


def text(when: datetime, form: str = "iso") -> str:
    """
    Return a time in a format; fractions of a second are never shown.

    Raises: ReportError: there is no such format.
    """
    if form == "raw":
        return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
    local = when.astimezone()
    if form in {"iso", "iso8601"}:
        return f"{local:%Y-%m-%d %H:%M:%S %z}"
    if form in {"rfc", "rfc2822"}:
        found = _strftime(local, "%a, %d %b %Y %H:%M:%S %z")
        return re.sub(r"\+0000$", "-0000", found)  # RFC 2822: no zone is meant
    if form in _DATE:
        return _cldr(local, f"{_DATE[form]}, {_TIME[form]}")
    kind, _, pattern = check(form).partition(":")
    return (_cldr if kind == "cldr" else _strftime)(local, pattern)


def _long_zone(when: datetime) -> str:
    """Return the zone's name, ``Europe/Berlin``, or its short form if it has none."""
    name = os.environ.get("TZ", "").removeprefix(":")
    if not name:
        name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    return name.removeprefix("Etc/") or str(when.tzname())


def _padded(width: int, value: int) -> str:
    return f"{value:0{width}d}"


def _named(names: tuple[str, ...], place: int, width: int) -> str:
    """Return a name as CLDR has it: 3 letters, 4 for all of it, 5 for the initial."""
    found = names[place]
    return found[:1] if width > 4 else found if width == 4 else found[:3]  # noqa: PLR2004 - CLDR's widths


def _year(when: datetime, width: int) -> str:
    if width == 2:  # noqa: PLR2004 - CLDR: the only width that cuts
        return _padded(2, when.year % 100)
    return _padded(min(width, 5), when.year)


def _quarter(when: datetime, width: int) -> str:
    number = (when.month + 2) // 3
    if width < 3:  # noqa: PLR2004 - CLDR's widths
        return _padded(width, number)
    ordinal = ("1st", "2nd", "3rd", "4th")[number - 1]
    return f"Q{number}" if width == 3 else f"{ordinal} quarter"  # noqa: PLR2004 - as above


def _month(when: datetime, width: int) -> str:
    if width < 3:  # noqa: PLR2004 - CLDR's widths
        return _padded(width, when.month)
    return _named(MONTHS, when.month - 1, width)


def _day(when: datetime, width: int, number: int) -> str:
    if width < 3:  # noqa: PLR2004 - CLDR's widths
        return _padded(width, number)
    return _named(DAYS, when.weekday(), width)


def _hour_12(when: datetime) -> int:
    return when.hour % 12 or 12


def _offset(when: datetime, width: int) -> str:
    offset = f"{when:%z}"
    if width > 4:  # noqa: PLR2004 - CLDR's widths
        return ":".join([offset[:3], *re.findall("..", offset[3:])])
    return f"{when.tzname()}{offset}" if width == 4 else offset  # noqa: PLR2004 - as above


def _zone(when: datetime, width: int) -> str:
    return _long_zone(when) if width > 3 else str(when.tzname())  # noqa: PLR2004 - CLDR's widths


def _two(part: Callable[[datetime], int]) -> Pattern:
    return lambda when, width: _padded(min(width, 2), part(when))


def _week_of_month(when: datetime) -> int:
    return (when.day + 4 - when.isoweekday() + 6) // 7


_ERA = {1: "AD", 2: "AD", 3: "AD", 4: "Anno Domini"}
_CLDR: dict[str, Pattern] = {
    "G": lambda when, width: _ERA.get(width, "A"),  # noqa: ARG005 - one era
    "y": _year,
    "u": lambda when, width: _padded(width, when.year),
    "Y": lambda when, width: _padded(width, when.isocalendar().year),
    "Q": _quarter,
    "q": _quarter,
    "M": _month,
    "L": _month,
    "w": _two(lambda when: when.isocalendar().week),
    "W": lambda when, width: str(_week_of_month(when)),  # noqa: ARG005 - never padded
    "d": _two(lambda when: when.day),
    "D": lambda when, width: _padded(min(width, 3), when.timetuple().tm_yday),
    "F": lambda when, width: str((when.day - 1) // 7 + 1),  # noqa: ARG005 - as W
    "g": lambda when, width: _padded(
        width, when.astimezone(UTC).toordinal() - _MODIFIED_JULIAN
    ),
    "E": lambda when, width: _named(DAYS, when.weekday(), width),
    "e": lambda when, width: _day(when, width, when.isoweekday() % 7 + 1),
    "c": lambda when, width: _day(when, width, when.isoweekday()),
    "a": lambda when, width: _half(when),  # noqa: ARG005 - one width
    "h": _two(_hour_12),
    "H": _two(lambda when: when.hour),
    "K": _two(lambda when: when.hour % 12),
    "k": _two(lambda when: when.hour or 24),
    "j": _two(_hour_12),
    "m": _two(lambda when: when.minute),
    "s": _two(lambda when: when.second),
    "S": lambda when, width: "0" * width,  # noqa: ARG005 - no fractions
    "A": lambda when, width: str(_seconds(when) * 1000),  # noqa: ARG005 - never padded
    "z": _zone,
    "Z": _offset,
    "v": _zone,
    "V": _zone,
}


def _half(when: datetime) -> str:
    return "AM" if when.hour < 12 else "PM"  # noqa: PLR2004 - noon


def _seconds(when: datetime) -> int:
    return when.hour * 3600 + when.minute * 60 + when.second


def _cldr(when: datetime, pattern: str) -> str:
    """Return a time in a pattern of CLDR: letters mean something, quotes hide them."""

    def replaced(found: re.Match[str]) -> str:
        quoted, run, letter, other = found.groups()
        if quoted is not None:
            return str(quoted)
        if run is None:
            return str(other)
        known = _CLDR.get(letter)
        return known(when, len(run)) if known else str(run)

    parts = r"'((?:[^']|'')*)'|(([a-zA-Z])\3*)|(.)"
    return re.sub(parts, replaced, pattern, flags=re.DOTALL).replace("''", "'")


def _week(when: datetime, first: int) -> str:
    """Return the week of the year; first is the weekday, 0 for Sunday, it starts on."""
    day = when.timetuple().tm_yday - (when.isoweekday() - first) % 7
    return f"{(day + 6) // 7:02d}"


_STRFTIME: dict[str, Callable[[datetime], str]] = {
    "a": lambda when: DAYS[when.weekday()][:3],
    "A": lambda when: DAYS[when.weekday()],
    "b": lambda when: MONTHS[when.month - 1][:3],
    "B": lambda when: MONTHS[when.month - 1],
    "c": lambda when: _cldr(when, f"{_DATE['medium']}, {_TIME['medium']}"),
    "C": lambda when: str(when.year // 100),
    "d": lambda when: f"{when.day:02d}",
    "D": lambda when: _strftime(when, "%m/%d/%y"),
    "e": lambda when: f"{when.day:2d}",
    "F": lambda when: _strftime(when, "%Y-%m-%d"),
    "g": lambda when: str(when.isocalendar().year)[-2:],
    "G": lambda when: str(when.isocalendar().year),
    "h": lambda when: MONTHS[when.month - 1][:3],
    "H": lambda when: f"{when.hour:02d}",
    "I": lambda when: f"{_hour_12(when):02d}",
    "j": lambda when: f"{when.timetuple().tm_yday:03d}",
    "k": lambda when: f"{when.hour:2d}",
    "l": lambda when: f"{_hour_12(when):2d}",
    "m": lambda when: f"{when.month:02d}",
    "M": lambda when: f"{when.minute:02d}",
    "n": lambda when: "\n",  # noqa: ARG005 - a constant
    "N": lambda when: "0" * 9,  # noqa: ARG005 - no fractions
    "p": _half,
    "P": lambda when: _half(when).lower(),
    "r": lambda when: _strftime(when, "%I:%M:%S %p"),
    "R": lambda when: _strftime(when, "%H:%M"),
    "s": lambda when: str(int(when.timestamp() // 1)),
    "S": lambda when: f"{when.second:02d}",
    "t": lambda when: "\t",  # noqa: ARG005 - a constant
    "T": lambda when: _strftime(when, "%H:%M:%S"),
    "u": lambda when: str(when.isoweekday()),
    "U": lambda when: _week(when, 0),
    "V": lambda when: f"{when.isocalendar().week:02d}",
    "w": lambda when: str(when.isoweekday() % 7),
    "W": lambda when: _week(when, 1),
    "x": lambda when: _cldr(when, _DATE["medium"]),
    "X": lambda when: _cldr(when, _TIME["medium"]),
    "y": lambda when: f"{when.year % 100:02d}",
    "Y": lambda when: str(when.year),
    "z": lambda when: _offset(when, 1),
    "Z": lambda when: str(when.tzname()),
    "%": lambda when: "%",  # noqa: ARG005 - a constant
}
# ``%{day_name}`` names a method of Perl's DateTime: those that are the parts of a date.
_NAMED = (
    "year=y month=M day=d hour=H minute=m second=s quarter=Q day_of_year=D "
    "day_of_week=c week_number=w week_year=Y month_name=MMMM month_abbr=MMM "
    "day_name=EEEE day_abbr=E am_or_pm=a hour_12=h ymd=yyyy-MM-dd mdy=MM-dd-yyyy "
    "dmy=dd-MM-yyyy hms=HH:mm:ss iso8601=yyyy-MM-dd'T'HH:mm:ss "
    "time_zone_short_name=z time_zone_long_name=zzzz"
)
_METHODS = dict(pair.split("=") for pair in _NAMED.split())


def _strftime(when: datetime, pattern: str) -> str:
    """Return a time in a pattern of strftime; an unknown conversion stays as it is."""

    def replaced(found: re.Match[str]) -> str:
        method, letter, digits = found.groups()
        if method:
            cldr = _METHODS.get(method)
            return _cldr(when, cldr) if cldr else f"%{{{method}}}"
        if digits:
            return "0" * int(digits)
        known = _STRFTIME.get(letter)
        return known(when) if known else f"%{letter}"

    return re.sub(r"%\{(\w+)\}|%([%a-zA-Z])|%(\d+)N", replaced, pattern)
