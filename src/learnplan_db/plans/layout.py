"""
How Sqitch lays out the lines of a plan when it writes them.

Comments, blanks, indentation and operators stay; what has one spelling gets it.
May import errors, model, shapes and grammar; pure, expects a plan that was read.
Source: Sqitch 1.3.1, held by tests/schema/test_authoring_oracle.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from learnplan_db.plans import grammar
from learnplan_db.plans.shapes import BLANKS, SPACES, given, match

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnplan_db.model import Planner

VERSION = "1.0.0"
_ESCAPED = {"\n": "\\n", "\r": "\\r", "\\": "\\\\"}


def lines(data: bytes, source: str) -> list[str]:
    """
    Return the lines of a plan as they are written back.

    A plan that does not say its version gets a line that does, so that what stood on
    line n is at n - 1 or n.
    """
    read = grammar.lines_of(data, source)
    pragmas, count = grammar.header(read, source)
    written = [_pragma(line) for line in read[:count]]
    version = ""
    for name, value in filter(None, map(_named, read[:count])):
        if name in {"syntax-version", "syntax_version"}:
            version = VERSION if name == "syntax-version" else value or "1"
    first = [] if given(version) else [f"%syntax-version={VERSION}"]
    project = pragmas["project"]
    return [*first, *written, *(_entry(line, project) for line in read[count:])]


def cut(written: Sequence[str], first: int | None, last: int | None) -> Iterator[str]:
    """Yield the header and the lines from the first to the last, counted from 0."""
    blank = (n for n, line in enumerate(written) if not line.strip(BLANKS))
    head = next(blank, len(written) - 1) + 1
    start = head if first is None else first
    end = len(written) if last is None else last + 1
    yield from written[:head]
    yield from written[start:end]


def change(
    name: str, dependencies: Sequence[str], date: str, planner: Planner, note: str
) -> str:
    """Return the line of a new change."""
    return f"{label(name, dependencies)} {_stamp(date, planner, note)}"


def tag(name: str, date: str, planner: Planner, note: str) -> str:
    """Return the line of a new tag."""
    return f"@{name} {_stamp(date, planner, note)}"


def label(name: str, dependencies: Sequence[str]) -> str:
    """Return a change with what it depends on: ``users [schema !old]``."""
    return f"{name} [{' '.join(dependencies)}]" if dependencies else name


def understood(text: str) -> str:
    """Return a note as Sqitch understands what a person gave: trimmed, unescaped."""
    return grammar.unescape(text.strip(SPACES))


def _stamp(date: str, planner: Planner, text: str) -> str:
    space = " " if given(text) else ""
    return f"{date} {planner}{space}{_noted(text)}"


def _noted(text: str) -> str:
    """Return a note as it stands after what it is about."""
    escaped = re.sub(r"[\r\n\\]", lambda found: _ESCAPED[found[0]], text)
    return f"# {escaped}" if text else ""


def _end(line: str) -> str:
    """Return what follows the body of a line: blanks, and the note."""
    body, text = grammar.split(line)
    before = line.partition("#")[0]
    return before[len(body) :] + _noted(grammar.unescape(text))


def _named(line: str) -> tuple[str, str] | None:
    """Return the name and the value of a pragma."""
    if grammar.ignored(line):
        return None
    fields = match(grammar.PRAGMA, grammar.split(line)[0])
    return fields["name"], fields["value"]


def _pragma(line: str) -> str:
    """Return a line of the header."""
    if grammar.ignored(line):
        return _end(line)
    fields = match(grammar.PRAGMA, grammar.split(line)[0])
    value = fields["value"].rstrip(SPACES)
    if fields["name"] == "syntax-version":
        value = VERSION
    parts = (fields["mark"], fields["name"], fields["operator"], value, _end(line))
    return "".join(parts)


def _entry(line: str, project: str) -> str:
    """Return a line below the header."""
    if grammar.ignored(line):
        return _end(line)
    fields = match(grammar.ENTRY, grammar.split(line)[0])
    stamp = f"{fields['date']} {fields['planner']} <{fields['email']}>{_end(line)}"
    if fields["at"]:
        return f"{fields['indent']}@{fields['name']} {stamp}"
    found = list(grammar.dependencies(fields, project, line))
    listed = [d.text for d in found if not d.conflict]
    listed += [f"!{d.text}" for d in found if d.conflict]
    start = (fields["indent"], fields["operator"], fields["after"], fields["name"])
    bracketed = f"[{' '.join(listed)}] " if listed else ""
    return "".join(start) + (fields["gap"] or " ") + bracketed + stamp
