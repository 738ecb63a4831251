"""
The language of ``--format``: what one line of a log or a plan looks like.

May import lower floors; returns text, never prints.
Source: Sqitch 1.3.1, log and plan, "Formats"; Perl's String::Formatter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from learnplan_db.errors import ReportError
from learnplan_db.reports import colors, dates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from learnplan_db.model import Item, Planner

    Code = Callable[["Formatter", Item, str | None], str]

LABELS = (
    *("event", "change", "committer", "planner", "by", "date", "committed"),
    *("planned", "name", "project", "email", "requires", "conflicts"),
)
_VERTICAL = "\n\x0b\f\r\x85\u2028\u2029"  # what Perl's \v matches
_LINE_START = re.compile(r"\A|(?<=\n)(?!\Z)")  # Perl's /^/m: not after the last \n
_HUNK = re.compile(
    r"%(?P<left>-)?(?P<least>[0-9]+)?(?:\.(?P<most>[0-9]*))?"
    r"(?:\{(?P<argument>.*?)\})?(?P<code>\S)"
)


@dataclass(frozen=True, slots=True)
class Hunk:
    """One code of a format: ``%-10.20{argument}n``; ``least`` may start with a 0."""

    code: str
    argument: str | None
    left: bool
    least: str
    most: int

    def fit(self, text: str) -> str:
        """Return a text cut and padded to the widths asked for; 0 is no width."""
        text = text[: self.most] if self.most else text
        width = int(self.least or 0)
        if self.left:
            return text.ljust(width)
        return text.rjust(width, "0" if self.least.startswith("0") else " ")


def parse(template: str) -> tuple[str | Hunk, ...]:
    """
    Return the texts and codes of a format.

    Raises: ReportError: a code is unknown.
    """
    found: list[str | Hunk] = []
    end = 0
    for match in _HUNK.finditer(template):
        found.append(template[end : match.start()])
        end = match.end()
        if match[0] == "%%":
            found.append("%")
            continue
        if match["code"] not in _CODES:
            raise ReportError.unknown_code(match["code"], sorted(_CODES))
        left, least, most = match.group("left", "least", "most")
        widths = (bool(left), least or "", int(most or 0))
        found.append(Hunk(match["code"], match["argument"], *widths))
    found.append(template[end:])
    return tuple(part for part in found if part)


@dataclass(frozen=True, slots=True)
class Formatter:
    """
    Writes items: hunks of a format, the format of dates, the length of ids.

    ``abbrev`` 0 keeps ids whole; without ``color`` no escape sequence is written.
    """

    hunks: tuple[str | Hunk, ...]
    date_format: str = "iso"
    abbrev: int = 0
    color: bool = False

    def text(self, item: Item) -> str:
        """
        Return an item in the format.

        Raises: ReportError: a code has an argument that it does not know.
        """
        return "".join(
            hunk
            if isinstance(hunk, str)
            else hunk.fit(_CODES[hunk.code](self, item, hunk.argument))
            for hunk in self.hunks
        )


def _separator(argument: str | None) -> str:
    """Return what stands between: Perl takes an empty text and 0 for none given."""
    return ", " if argument in {None, "", "0"} else str(argument)


def _list(values: Sequence[str], argument: str | None) -> str:
    return f" {_separator(argument).join(values)}" if values else ""


def _label(name: str) -> str:
    return f"{name.title()}:".ljust(10)


def _labelled(formatter: Formatter, item: Item, argument: str | None) -> str:
    del formatter, item  # a label is the same for all
    if argument not in LABELS:
        raise ReportError.unknown_label(argument, LABELS)
    return _label(argument)


def _short_id(formatter: Formatter, item: Item, argument: str | None) -> str:
    length = formatter.abbrev
    if argument not in {None, "", "0"}:
        number = re.match(r"\s*[-+]?[0-9]+", str(argument))
        return item.change_id[: int(number[0]) if number else 0]
    return item.change_id[:length] if length else item.change_id


def _person(
    formatter: Formatter,
    person: Planner | None,
    when: datetime | None,
    argument: str | None,
) -> str:
    """Return a name, an email, a time, or ``name <email>`` without an argument."""
    name, email = (person.name, person.email) if person else ("", "")
    if argument is None:
        return f"{name} <{email}>"
    if argument in {"n", "name"}:
        return name
    if argument in {"e", "email"}:
        return email
    if not (found := re.match(r"d(?:ate)?(?::|$)", argument)):
        return ""
    if when is None:
        raise ReportError.no_committer()
    form = argument[found.end() :]
    return dates.text(when, formatter.date_format if form in {"", "0"} else form)


def _tags(formatter: Formatter, item: Item, argument: str | None) -> str:
    del formatter
    found = _list(item.tags, argument)
    return f" ({found[1:]})" if found else ""


def _color(formatter: Formatter, item: Item, argument: str | None) -> str:
    found = colors.sequence(argument, item.event)
    return found if formatter.color else ""


def _subject(formatter: Formatter, item: Item, argument: str | None) -> str:
    del formatter
    return (argument or "") + re.split(f"[{_VERTICAL}]", item.note, maxsplit=1)[0]


def _indent(text: str, prefix: str) -> str:
    return _LINE_START.sub(lambda _: prefix, text)


def _body(formatter: Formatter, item: Item, argument: str | None) -> str:
    """Return the note below its first line, if it has more lines."""
    del formatter
    if not re.search(f"[{_VERTICAL}]", item.note):
        return ""
    body = re.sub(rf"\A.+[{_VERTICAL}]+", "", item.note)
    return _indent(body, argument) if argument and body else body


def _whole_note(formatter: Formatter, item: Item, argument: str | None) -> str:
    del formatter
    return item.note if argument is None else _indent(item.note, argument)


def attributes(item: Item) -> dict[str, Any]:
    """Return what ``%{...}a`` may name, with its value."""
    found: dict[str, Any] = {
        "event": item.event,
        "project": item.project,
        "change_id": item.change_id,
        "change": item.change,
        "note": item.note,
        "requires": item.requires,
        "conflicts": item.conflicts,
        "tags": item.tags,
        "planned_at": item.planned_at,
        "planner_name": item.planner.name,
        "planner_email": item.planner.email,
    }
    if item.committer:
        found["committed_at"] = item.committed_at
        found["committer_name"] = item.committer.name
        found["committer_email"] = item.committer.email
    return found


def _attribute(formatter: Formatter, item: Item, argument: str | None) -> str:
    """Return a raw attribute on a line of its own; nothing for an empty list."""
    del formatter
    known = attributes(item)
    if argument not in known:
        raise ReportError.unknown_attribute(argument, known)
    value = known[argument]
    if isinstance(value, tuple):
        value = ", ".join(value)
        if not known[argument]:
            return ""
    elif isinstance(value, datetime):
        value = dates.text(value, "raw")
    return f"{argument:<9} {value}\n"


def _dependencies(label: str, values: Sequence[str], argument: str | None) -> str:
    return f"{_label(label)}{_list(values, argument)}\n" if values else ""


_CODES: dict[str, Code] = {
    "e": lambda _f, item, _a: item.event,
    "L": lambda _f, item, _a: item.event.title(),
    "l": lambda _f, item, _a: item.event,
    "_": _labelled,
    "H": lambda _f, item, _a: item.change_id,
    "h": _short_id,
    "n": lambda _f, item, _a: item.change,
    "o": lambda _f, item, _a: item.project,
    "c": lambda f, item, a: _person(f, item.committer, item.committed_at, a),
    "p": lambda f, item, a: _person(f, item.planner, item.planned_at, a),
    "t": lambda _f, item, a: _list(item.tags, a),
    "T": _tags,
    "v": lambda _f, _i, _a: "\n",
    "C": _color,
    "s": _subject,
    "b": _body,
    "B": _whole_note,
    "r": lambda _f, item, a: _list(item.requires, a),
    "R": lambda _f, item, a: _dependencies("requires", item.requires, a),
    "x": lambda _f, item, a: _list(item.conflicts, a),
    "X": lambda _f, item, a: _dependencies("conflicts", item.conflicts, a),
    "a": _attribute,
}
