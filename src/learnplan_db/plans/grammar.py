"""
Read the lines of a plan, by Sqitch's grammar.

May import errors, model and shapes; pure: knows one line, so neither order nor ids.
What looks odd here (the text ``0`` is no value, blanks before ``<`` are part of a name)
is what Sqitch 1.3.1 does, and ids depend on it: see tests/schema/test_plan_oracle.py.
Source: manuals sqitchchanges and sqitch-plan; ADR 0001.
"""

from __future__ import annotations

import codecs
import re
import string
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from learnplan_db.errors import PlanError
from learnplan_db.model import Planner
from learnplan_db.plans.shapes import BLANKS, SPACES, given, match, shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Patterns are matched against the shape of a text: see shapes.shape.
PUNCTUATION = re.escape("".join(c for c in string.punctuation if c not in "_\\"))
NAME = rf"(?![{PUNCTUATION}])(?:(?![~/=%^]\d+(?:\Z| ))[^ :@#\\])+(?<![{PUNCTUATION}])\b"
_DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
PRAGMA = re.compile(
    rf"(?P<mark> *% *)(?P<name>[^{PUNCTUATION}](?:[^ =]*?[^{PUNCTUATION} ])?)"
    r"(?:(?P<operator> *= *)(?P<value>.+))?\Z"
)
LONGEST = 20_000  # characters: the time that the next pattern takes grows as a square
ENTRY = re.compile(
    r"(?P<indent> *)(?:(?P<at>@)|(?P<operator>[+-])(?P<after> *))?"
    rf"(?P<name>{NAME})(?P<gap> *)"
    rf"(?:\[(?P<dependencies>[^]]+)\] *)?(?:(?P<date>{_DATE}) *)?"
    r"(?:(?P<planner>[^<]+) +<(?P<email>[^>]+)>)?\Z"
)
_DEPENDENCY = re.compile(
    rf"(?P<conflict>!?)(?:(?P<project>{NAME}):)?"
    rf"(?P<key>(?P<id>[0-9a-f]{{40}})|{NAME}(?:@{NAME})?|@{NAME})\Z"
)
_ID = re.compile("[0-9a-f]{40}")
_PROJECT = re.compile(rf"(?P<name>{NAME})\Z")
_BLANK_RUN = re.compile(f"[{BLANKS}]+")
_LAST_OF_PLANES = "".join(chr(p << 16 | e) for p in range(17) for e in (0xFFFE, 0xFFFF))
_NONCHARACTERS = {*map(chr, range(0xFDD0, 0xFDF0)), *_LAST_OF_PLANES}
_ESCAPES = {"n": "\n", "r": "\r", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Dependency:
    """What stands between brackets; ``text`` as it is hashed."""

    text: str
    conflict: bool
    own: bool
    bare_id: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that declares a change or a tag; ``key`` of a tag starts with @."""

    key: str
    name: str
    operator: str
    dependencies: tuple[Dependency, ...]
    date: str
    planned_at: datetime
    planner: Planner
    note: str
    line: int

    @property
    def is_tag(self) -> bool:
        """Whether the line declares a tag."""
        return self.key.startswith("@")

    @property
    def requires(self) -> tuple[str, ...]:
        """Return what is required, as it is hashed."""
        return tuple(d.text for d in self.dependencies if not d.conflict)

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Return what must not be there, as it is hashed."""
        return tuple(d.text for d in self.dependencies if d.conflict)

    @property
    def checked(self) -> tuple[str, ...]:
        """Return the requirements that must be planned above."""
        required = (d for d in self.dependencies if d.own and not d.conflict)
        return tuple(d.text for d in required if not d.bare_id)


def read(data: bytes, source: str) -> tuple[dict[str, str], list[Entry]]:
    """
    Return the pragmas and the declarations of a plan, in their order.

    Raises: PlanError: at the first line that is neither.
    """
    lines = lines_of(data, source)
    pragmas, start = header(lines, source)
    project = pragmas["project"]
    entries = [
        found
        for number, line in enumerate(lines[start:], start + 1)
        if (found := _entry(line, number, project, f"{source}:{number}"))
    ]
    return pragmas, entries


def lines_of(data: bytes, source: str) -> list[str]:
    """Return the lines of a plan. Raises: PlanError: no UTF-8, or nothing in it."""
    text = _decode(data, source)
    if not text.strip(SPACES):
        raise PlanError.empty(source)
    *lines, last = text.split("\n")
    return [line.removesuffix("\r") for line in lines] + ([last] if last else [])


def ignored(line: str) -> bool:
    """Whether a line is blank or a comment; a lone # is neither."""
    text = line.lstrip(BLANKS)
    return not text or (text[0] == "#" and len(text) > 1)


def unescape(note: str) -> str:
    """Return a note as it is meant: it stands on one line of the plan."""
    if "\\" not in note:
        return note
    return re.sub(r"\\([\\nr])", lambda found: _ESCAPES[found[1]], note)


def is_project_name(text: str) -> bool:
    """Whether a plan can have this as the name of its project."""
    return bool(match(_PROJECT, text))


def name_fault(name: str, *, tag: bool = False) -> str | None:
    """Return why a new change or tag cannot have a name: a key of PLAN_SYNTAX."""
    if name in {"HEAD", "ROOT"}:
        return "reserved-name"
    if _ID.match(name):
        return "id-like-name"
    if not given(name) or not match(_PROJECT, name):
        return "bad-name"
    return "tag-slash" if tag and "/" in name else None


def _decode(data: bytes, source: str) -> str:
    if data.startswith(codecs.BOM_UTF8):
        raise PlanError.syntax(f"{source}:1", "byte-order-mark")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02X}"
        raise PlanError.syntax(f"{source}:{line}", "not-utf8", found=found) from error
    if not text.isascii() and (odd := _NONCHARACTERS.intersection(text)):
        place = min(map(text.index, odd))
        line = text.count("\n", 0, place) + 1
        found = f"U+{ord(text[place]):04X}"
        raise PlanError.syntax(f"{source}:{line}", "not-utf8", found=found)
    return text


def split(line: str) -> tuple[str, str]:
    """Return the text before the first # and the note after it."""
    body, _, note = line.partition("#")
    return body.rstrip(BLANKS), note.strip(SPACES)


def header(lines: Sequence[str], source: str) -> tuple[dict[str, str], int]:
    """Return the pragmas and the number of lines that they take."""
    pragmas: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        where = f"{source}:{number}"
        body, note = split(line)
        if ignored(line):
            if given(note):
                continue
            break
        pragma = match(PRAGMA, body)
        if not pragma:
            raise PlanError.syntax(where, "bad-pragma" if body else "lone-hash")
        name, value = pragma["name"], pragma["value"]
        if name == "project" and not match(_PROJECT, value):
            raise PlanError.syntax(where, "bad-project", name=value)
        pragmas[name] = value or "1"
    if not given(pragmas.get("project", "")):
        raise PlanError.missing_project(source)
    return pragmas, number


def _entry(line: str, number: int, project: str, where: str) -> Entry | None:
    """Return the declaration of a line, or None for a blank or a comment."""
    if ignored(line):
        return None
    body, note = split(line)
    if len(body) > LONGEST:
        raise PlanError.too_long(where, LONGEST)
    fields = match(ENTRY, body)
    if fault := _fault(body, fields):
        raise PlanError.syntax(where, fault[0], name=fault[1])
    name, date = fields["name"], fields["date"]
    try:
        planned_at = _moment(date)
    except ValueError as error:
        raise PlanError.syntax(where, "bad-timestamp", date=date) from error
    return Entry(
        key=fields["at"] + name,
        name=name,
        operator=fields["operator"],
        dependencies=tuple(dependencies(fields, project, where)),
        date=date,
        planned_at=planned_at,
        planner=Planner(fields["planner"], fields["email"]),
        note=unescape(note),
        line=number,
    )


def _moment(date: str) -> datetime:
    """Return what a date means. Raises: ValueError: there is no such moment."""
    parts = date[:4], date[5:7], date[8:10], date[11:13], date[14:16], date[17:19]
    year, month, day, hour, minute, second = map(int, parts if date.isascii() else "")
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _fault(body: str, fields: dict[str, str]) -> tuple[str, str] | None:
    """Return what is wrong with a declaration, as a cause and the name it has."""
    name = fields.get("name", "")
    if not given(name) or (not fields["date"] and re.search(_DATE, shape(body))):
        word = _BLANK_RUN.split(body.lstrip(BLANKS + "@+-"))[0]
        if word.startswith("%"):
            return "body-pragma", word
        named = given(word) and match(_PROJECT, word.partition("[")[0])
        cause = "bad-line" if named else "bad-name"
        return cause if body else "lone-hash", word
    is_tag = fields["at"]
    causes = {
        "missing-timestamp": not fields["date"],
        "missing-planner": not given(fields["planner"]),
        "reserved-name": name in {"HEAD", "ROOT"},
        "id-like-name": _ID.match(name),
        "tag-slash": is_tag and "/" in name,
        "tag-dependencies": is_tag and given(fields["dependencies"]),
    }
    return next(((cause, name) for cause, found in causes.items() if found), None)


def dependencies(
    fields: dict[str, str], project: str, where: str
) -> Iterator[Dependency]:
    """Yield what stands between the brackets of an entry, in its order."""
    text = fields["dependencies"]
    words = _BLANK_RUN.split(text) if given(text) else []
    while words and not words[-1]:
        words.pop()
    for index, word in enumerate(words):
        if not word:
            raise PlanError.syntax(where, "leading-blank", name=fields["name"])
        found = dependency(word, project)
        if not found:
            raise PlanError.syntax(where, "bad-dependency", text=word)
        if word in words[:index]:
            raise PlanError.syntax(where, "duplicate-dependency", text=word)
        yield found


@lru_cache(4096)
def dependency(word: str, project: str) -> Dependency | None:
    """Return what one word between brackets means, or None when it is no dependency."""
    parts = match(_DEPENDENCY, word)
    if not parts:
        return None
    other, key = parts["project"], parts["key"]
    own = other in {"", project}
    return Dependency(
        text=key if own else f"{other}:{key}",
        conflict=bool(parts["conflict"]),
        own=own,
        bare_id=bool(parts["id"] and not other),
    )
