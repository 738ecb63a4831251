"""
Split a script that needs nothing of psql: fast, since most scripts are so.

Gives up, by returning None, on whatever takes more than quotes, comments and
parentheses to read; the lexer then reads it. May import lexer; does no I/O.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from learnplan_db.psql.lexer import ESCAPED, LETTER_OR_DIGIT, WORD, token

_COMMENT = r"/\*[^*/]*+(?:(?:\*(?!/)|/(?!\*))[^*/]*+)*\*/"  # with no other inside
_SKIP = re.compile(
    rf"""(?:
      [ \t\n\r\f\v,.=]++
    | (?![eE]'){WORD}
    | [eE]{ESCAPED}
    | '[^']*+' | "[^"]*+"
    | \$?[0-9]{LETTER_OR_DIGIT}*+
    | -- [^\n\r]*+
    | -(?!-) | ::|:=|:(?!{LETTER_OR_DIGIT}|['"{{])
    | {_COMMENT} | /(?!\*)
    | [\x00-\x08\x0e-\x1f!\#%&*+<>?@\[\]^`{{|}}~\x7f]++
    )*""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_HEAD = re.compile(
    rf"""(?:[ \t\n\r\f\v;]++|--[^\n\r]*+)*
    (?P<text>(?:[ \t\n\r\f\v]++|--[^\n\r]*+|{_COMMENT})*)
    (?P<word>[A-Za-z]++(?!{LETTER_OR_DIGIT}|[$']))?""",
    re.VERBOSE | re.ASCII,
)
_CLIENT = re.compile(r"\bstd(?:in|out)\b", re.IGNORECASE)


class Span(NamedTuple):
    """Where a statement starts and ends in the text, and its first word or ""."""

    start: int
    end: int
    word: str


def split(text: str) -> list[Span] | None:
    """Return the statements of a plain script in order, or None if it is not plain."""
    low = text.lower()
    if "atomic" in low or "standard_conforming_strings" in low:
        return None  # perhaps the body of a routine, or other rules for strings
    spans: list[Span] = []
    position, size = 0, len(text)
    while True:
        head = _HEAD.match(text, position)
        if head is None:
            return None  # cannot be: it matches nothing as well
        word = (head["word"] or "").lower()
        if not word and text.startswith("/*", head.end()):
            return None  # a comment in a comment: it may be all there is
        end = _statement(text, head.end())
        if end < 0:
            return None
        if end > head.end() + (text[end - 1 : end] == ";") or word:
            start = head.start("text")
            if word == "copy" and _CLIENT.search(text, start, end):
                return None
            spans.append(Span(start, end, word))
        if end >= size:
            return spans
        position = end


def _statement(text: str, position: int) -> int:
    """Return the end of the statement that goes on at a position, or -1."""
    depth, size = 0, len(text)
    while True:
        match = _SKIP.match(text, position)
        position = match.end() if match else position
        if position >= size:
            return -1 if depth else size
        letter = text[position]
        if letter == ";" and not depth:
            return position + 1
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth -= depth > 0
        elif letter != ";":
            kind, end = token(text, position)
            if end < 0 or kind in {"variable", "joint", "colon", "command"}:
                return -1
            position = end
            continue
        position += 1
