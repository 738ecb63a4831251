"""
Read a plan by Sqitch's grammar, with Sqitch's ids.

May import errors and model; pure: takes bytes, opens no file, never prints. What
looks odd here (a note ``0`` counts as none, blanks before ``<`` are part of a name)
is what Sqitch 1.3.1 does, and ids depend on it: see tests/schema/test_plan_oracle.py.
Source: manuals sqitchchanges and sqitch-plan; ADR 0001.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import string
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from learnplan_db.errors import PlanError
from learnplan_db.model import Change, Plan, Planner, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLANKS = " \t\xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
SPACES = BLANKS + "\n\v\f\r\x85\u2028\u2029"
DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ssh": 22, "sftp": 22}

# Patterns are matched against the shape of a text: see _shape.
_PUNCTUATION = re.escape("".join(c for c in string.punctuation if c not in "_\\"))
_NAME = (
    rf"(?![{_PUNCTUATION}])(?:(?![~/=%^]\d+(?:\Z| ))[^ :@#\\])+(?<![{_PUNCTUATION}])\b"
)
_DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_IGNORED = re.compile(r" *(?:# *(?P<note>.+))?\Z")
_PRAGMA = re.compile(
    rf" *% *(?P<name>[^{_PUNCTUATION}](?:[^ =]*?[^{_PUNCTUATION} ])?)"
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
_OFFSET = re.compile(
    rf"(?<![{_PUNCTUATION}])(?P<mark>[~^])(?:(?P<twice>(?P=mark))|(?P<steps>\d+))?\Z"
)
_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef" + "".join(chr(p << 16 | 0xFFFE) + chr(p << 16 | 0xFFFF) for p in range(17)) + "]"
)
_CIRCLED = "Ⓐ-ⓩ🄰-🅉🅐-🅩🅰-🆉"


@dataclass(frozen=True, slots=True)
class _Dependency:
    """What stands between brackets; ``text`` as it is hashed."""

    text: str
    conflict: bool
    own: bool
    bare_id: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line that declares a change or a tag; ``key`` of a tag starts with @."""

    key: str
    name: str
    operator: str
    dependencies: tuple[_Dependency, ...]
    date: str
    planned_at: datetime
    planner: Planner
    note: str
    line: int

    @property
    def is_tag(self) -> bool:
        return self.key.startswith("@")


def parse(data: bytes, source: str) -> Plan:
    """
    Return the plan that the bytes describe.

    Args: source: the file's name as errors show it, such as ``sql/sqitch.plan``.
    Raises: PlanError: at the first line that Sqitch would refuse.
    """
    text = _decode(data, source)
    if not text.strip(SPACES):
        raise PlanError.empty(source)
    *lines, last = text.split("\n")
    lines = [line.removesuffix("\r") for line in lines] + ([last] if last else [])
    pragmas, start = _header(lines, source)
    project = pragmas["project"]
    entries = [
        entry
        for number, line in enumerate(lines[start:], start + 1)
        if (entry := _entry(line, number, project, f"{source}:{number}"))
    ]
    _check_order(entries, source)
    uri = _as_uri(pragmas["uri"]) if _given(pragmas.get("uri", "")) else None
    changes = _build(entries, project, uri, source)
    return Plan(project, uri, changes, source, pragmas)
