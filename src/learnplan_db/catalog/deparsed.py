"""
SQL as the server writes it out, in the words that all majors and hosts have in common.

May import nothing; does no I/O.
Source: PostgreSQL 15 to 18, ruleutils.c; measured on all four.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TOKEN = re.compile(
    r"""E'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*'
    | "(?:[^"]|"")*" | [^\W\d][\w$]*
    | (?P<query>\(\s*(?=(?:SELECT|WITH|VALUES)\b))
    | \s+ | .""",
    re.VERBOSE | re.DOTALL,
)
_SEVERAL = {"JOIN", "UNION", "INTERSECT", "EXCEPT"}
_ENDS = {*("WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH")}
_ENDS |= {"FOR", ";"}


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, a sign or blanks: how many brackets are open, and one to a sub-select."""

    text: str
    depth: int
    nested: bool


def schema_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern of the schemas before names, such as ``public.citext``."""
    found = [re.fullmatch(r'("(?:[^"]|"")*"|\w+)\.(.+)', name) for name in names]
    choices = [
        rf"{re.escape(m[1])}\.(?={re.escape(m[2])}(?![\w$\"]))" for m in found if m
    ]
    return re.compile(rf'(?<![\w$."])(?:{"|".join(choices)})') if choices else None


def unqualified(query: str) -> str:
    """
    Return the query of a view as PostgreSQL 16 and later write it.

    They say ``id`` where 15 says ``users.id``, if the view reads from one thing alone.
    What is in a sub-select is qualified by all of them.
    """
    tokens = list(_tokens(query))
    start, end = _source(tokens)
    words = [one.text for one in tokens[start:end] if one.depth == 0]
    if _SEVERAL & {one.text for one in tokens if one.depth == 0} or "," in words:
        return query
    if "TABLESAMPLE" in words:
        words = words[: words.index("TABLESAMPLE")]
    name = next((word for word in reversed(words) if re.match(r'["\w]', word)), None)
    kept, skipped = [], 0
    for place, one in enumerate(tokens):
        inside = one.nested or start <= place < end
        if one.text == name and not inside and _qualifies(tokens, place):
            skipped = place + 1
        elif not skipped or place != skipped:
            kept.append(one.text)
    return "".join(kept)


def _tokens(query: str) -> Iterator[_Token]:
    open_ones: list[bool] = []
    for found in _TOKEN.finditer(query):
        text = found.group()
        if text == ")" and open_ones:
            open_ones.pop()
        yield _Token(text, len(open_ones), any(open_ones))
        if text.startswith("("):
            open_ones.append(found.lastgroup == "query")


def _source(tokens: list[_Token]) -> tuple[int, int]:
    """Return where the FROM clause of the query itself begins and ends."""
    outer = [(place, one.text) for place, one in enumerate(tokens) if not one.depth]
    start = next((place for place, text in outer if text == "FROM"), len(tokens))
    ends = (place for place, text in outer if place > start and text in _ENDS)
    return start, next(ends, len(tokens))


def _qualifies(tokens: list[_Token], place: int) -> bool:
    """Whether a word names the table of the column after it, and no schema."""
    before = tokens[place - 1].text if place else ""
    after = "".join(one.text for one in tokens[place + 1 : place + 4])
    qualifies = after.startswith(".") and not after.startswith(".*")
    return qualifies and before not in {".", ":"} and not after.endswith("(")
