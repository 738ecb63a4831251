"""
Read the lines of a plan, by Sqitch's grammar.

May import errors and model; pure: knows one line at a time, so neither order nor ids.
What looks odd here (the text ``0`` is no value, blanks before ``<`` are part of a name)
is what Sqitch 1.3.1 does, and ids depend on it: see tests/schema/test_plan_oracle.py.
Source: manuals sqitchchanges and sqitch-plan; ADR 0001.
"""

from __future__ import annotations

import codecs
import re
import string
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from learnplan_db.errors import PlanError
from learnplan_db.model import Planner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLANKS = " \t\xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
SPACES = BLANKS + "\n\v\f\r\x85\u2028\u2029"

# Patterns are matched against the shape of a text: see _shape.
PUNCTUATION = re.escape("".join(c for c in string.punctuation if c not in "_\\"))
_NAME = (
    rf"(?![{PUNCTUATION}])(?:(?![~/=%^]\d+(?:\Z| ))[^ :@#\\])+(?<![{PUNCTUATION}])\b"
)
_DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_IGNORED = re.compile(r" *(?:# *(?P<note>.+))?\Z")
_PRAGMA = re.compile(
    rf" *% *(?P<name>[^{PUNCTUATION}](?:[^ =]*?[^{PUNCTUATION} ])?)"
    r"(?: *= *(?P<value>.+))?\Z"
)
_ENTRY = re.compile(
    rf" *(?:(?P<at>@)| *(?P<operator>[+-]) *)?(?P<name>{_NAME}) *"
    rf"(?:\[(?P<dependencies>[^]]+)\] *)?(?:(?P<date>{_DATE}) *)?"
    r"(?:(?P<planner>[^<]+) +<(?P<email>[^>]+)>)?\Z"
)
_DEPENDENCY = re.compile(
    rf"(?P<conflict>!?)(?:(?P<project>{_NAME}):)?"
    rf"(?P<key>(?P<id>[0-9a-f]{{40}})|{_NAME}(?:@{_NAME})?|@{_NAME})\Z"
)
_ID = re.compile("[0-9a-f]{40}")
_PROJECT = re.compile(rf"(?P<name>{_NAME})\Z")
_BLANK_RUN = re.compile(f"[{BLANKS}]+")
_LAST_OF_PLANES = "".join(chr(p << 16 | e) for p in range(17) for e in (0xFFFE, 0xFFFF))
_NONCHARACTER = re.compile(f"[\ufdd0-\ufdef{_LAST_OF_PLANES}]")
_JOINERS_AND_CIRCLED = re.compile(
    "[\u200c\u200d\u24b6-\u24e9\U0001f130-\U0001f149\U0001f150-\U0001f169"
    "\U0001f170-\U0001f189]"
)
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
    text = _decode(data, source)
    if not text.strip(SPACES):
        raise PlanError.empty(source)
    *lines, last = text.split("\n")
    lines = [line.removesuffix("\r") for line in lines] + ([last] if last else [])
    pragmas, start = _header(lines, source)
    project = pragmas["project"]
    entries = [
        found
        for number, line in enumerate(lines[start:], start + 1)
        if (found := _entry(line, number, project, f"{source}:{number}"))
    ]
    return pragmas, entries


def given(text: str) -> bool:
    """Whether Sqitch sees a value: Perl takes the text ``0`` for none."""
    return text not in {"", "0"}


@cache
def _stand_in(character: str) -> str:
    """Return an ASCII-like character of the same kind: blank, digit, word or other."""
    if character in BLANKS:
        return " "
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return "\u0660"
    letter = category[0] in "LM" or category in {"Nl", "Pc"}
    return "x" if letter or _JOINERS_AND_CIRCLED.match(character) else "¿"


def _shape(text: str) -> str:
    """Return the text in characters on which Python's classes agree with Perl's."""
    return "".join(map(_stand_in, text))


def _match(pattern: re.Pattern[str], text: str) -> dict[str, str]:
    """Return the groups of a match, empty where absent; no group without a match."""
    found = pattern.match(_shape(text))
    spans = {name: found.span(name) for name in pattern.groupindex} if found else {}
    return {name: text[start:end] for name, (start, end) in spans.items()}


def _decode(data: bytes, source: str) -> str:
    if data.startswith(codecs.BOM_UTF8):
        raise PlanError.syntax(f"{source}:1", "byte-order-mark")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02X}"
        raise PlanError.syntax(f"{source}:{line}", "not-utf8", found=found) from error
    if odd := _NONCHARACTER.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        found = f"U+{ord(odd[0]):04X}"
        raise PlanError.syntax(f"{source}:{line}", "not-utf8", found=found)
    return text


def _split(line: str) -> tuple[str, str]:
    """Return the text before the first # and the note after it."""
    body, _, note = line.partition("#")
    return body.rstrip(BLANKS), note.strip(SPACES)


def _header(lines: Sequence[str], source: str) -> tuple[dict[str, str], int]:
    """Return the pragmas and the number of lines that they take."""
    pragmas: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        where = f"{source}:{number}"
        body, note = _split(line)
        if _IGNORED.match(_shape(line)):
            if given(note):
                continue
            break
        pragma = _match(_PRAGMA, body)
        if not pragma:
            raise PlanError.syntax(where, "bad-pragma" if body else "lone-hash")
        name, value = pragma["name"], pragma["value"]
        if name == "project" and not _match(_PROJECT, value):
            raise PlanError.syntax(where, "bad-project", name=value)
        pragmas[name] = value or "1"
    if not given(pragmas.get("project", "")):
        raise PlanError.missing_project(source)
    return pragmas, number


def _entry(line: str, number: int, project: str, where: str) -> Entry | None:
    """Return the declaration of a line, or None for a blank or a comment."""
    if _IGNORED.match(_shape(line)):
        return None
    body, note = _split(line)
    fields = _match(_ENTRY, body)
    if fault := _fault(body, fields):
        raise PlanError.syntax(where, fault[0], name=fault[1])
    name, date = fields["name"], fields["date"]
    try:
        ascii_date = date.encode("ascii").decode()
        planned_at = datetime.strptime(ascii_date, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError as error:
        raise PlanError.syntax(where, "bad-timestamp", date=date) from error
    return Entry(
        key=fields["at"] + name,
        name=name,
        operator=fields["operator"],
        dependencies=tuple(_dependencies(fields, project, where)),
        date=date,
        planned_at=planned_at,
        planner=Planner(fields["planner"], fields["email"]),
        note=re.sub(r"\\([\\nr])", lambda found: _ESCAPES[found[1]], note),
        line=number,
    )


def _fault(body: str, fields: dict[str, str]) -> tuple[str, str] | None:
    """Return what is wrong with a declaration, as a cause and the name it has."""
    name = fields.get("name", "")
    if not given(name) or (not fields["date"] and re.search(_DATE, _shape(body))):
        word = _BLANK_RUN.split(body.lstrip(BLANKS + "@+-"))[0]
        if word.startswith("%"):
            return "body-pragma", word
        named = given(word) and _match(_PROJECT, word.partition("[")[0])
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


def _dependencies(
    fields: dict[str, str], project: str, where: str
) -> Iterator[Dependency]:
    text = fields["dependencies"]
    words = _BLANK_RUN.split(text) if given(text) else []
    while words and not words[-1]:
        words.pop()
    for index, word in enumerate(words):
        if not word:
            raise PlanError.syntax(where, "leading-blank", name=fields["name"])
        parts = _match(_DEPENDENCY, word)
        if not parts:
            raise PlanError.syntax(where, "bad-dependency", text=word)
        if word in words[:index]:
            raise PlanError.syntax(where, "duplicate-dependency", text=word)
        other, key = parts["project"], parts["key"]
        own = other in {"", project}
        yield Dependency(
            text=key if own else f"{other}:{key}",
            conflict=bool(parts["conflict"]),
            own=own,
            bare_id=bool(parts["id"] and not other),
        )
