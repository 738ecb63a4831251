"""
Say where in the file the server saw an error.

May import errors, lexer, draft and psycopg; never prints.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

import psycopg

from learnplan_db.errors import ScriptError
from learnplan_db.psql.lexer import token

if TYPE_CHECKING:
    from learnplan_db.psql.draft import Statement

_BLOCK_LINE = re.compile(r'inline_code_block"?\D+(\d+)')  # in any lc_messages
_LOST = re.compile("08...|57P0[1235]")  # connection exceptions, and the server's end
_WIDTH = 120  # characters shown of a line
_TEMPORARY = re.compile(r"create\s+(?:(?:local|global)\s+)?temp", re.IGNORECASE)
# What a verify script may need more than those who use the database, by the function of
# the server that misses it: its texts may be in any language.
_FIXES = {
    "PreventCommandIfReadOnly": "run it on the primary, as a login whose transactions"
    " may write",
    "InitTempTableNamespace": "grant temporary on the database to this login, or verify"
    " as its owner",
}


def failure(
    error: psycopg.Error,
    statement: Statement,
    source: str,
    position: int | None = None,
    line: int | None = None,
) -> ScriptError:
    """
    Return the error with the line of the file where the server saw it.

    Args: position: in the statement's text, from 1; line: in the file, if known better.
    """
    offset = position - 1 if position else _block_offset(error, statement)
    found, excerpt = _excerpt(statement, offset, caret=bool(position))
    where = f"{source}:{line or found}"
    if line is None and offset is None and statement.line < statement.end_line:
        where += f", in the statement at lines {statement.line}-{statement.end_line}"
    state = error.sqlstate
    unnamed = isinstance(error, psycopg.OperationalError) and state is None
    lost = unnamed or _LOST.fullmatch(state or "")
    cause = ScriptError.connection_lost if lost else ScriptError.failed
    failed = cause(error, where)
    failed.statement, failed.excerpt = statement.text, excerpt if not line else None
    if _TEMPORARY.match(statement.text):
        failed.fix = _FIXES.get(error.diag.source_function or "", failed.fix)
    return failed


def _block_offset(error: psycopg.Error, statement: Statement) -> int | None:
    """Return where in the text the line of a DO block is that the server names."""
    numbers = _BLOCK_LINE.findall(error.diag.context or "")
    position, bodies = 0, []
    while numbers and statement.verb == "do" and position < len(statement.text):
        kind, end = token(statement.text, position)
        if kind in {"dollar", "string", "escaped"}:
            bodies.append((end - position, position, kind))
        position = end
    if not bodies:
        return None
    _, offset, kind = max(bodies)  # the longest: another is the name of the language
    if kind == "escaped":
        return None  # its lines may be written as backslash n
    for _ in range(int(numbers[-1]) - 1):  # the last is the outermost block
        offset = statement.text.find("\n", offset) + 1
    return offset


def _excerpt(
    statement: Statement, offset: int | None, *, caret: bool
) -> tuple[int, str]:
    """Return the line of an offset and up to three lines of the file, it the last."""
    origin = statement.origin or statement.text
    start = statement.end_line - origin.count("\n")
    first, last = statement.line, min(statement.line + 2, statement.end_line)
    line, column = first, 0
    if offset is not None:
        place = statement.locate(offset)
        line = last = start + origin.count("\n", 0, place)
        first = min(max(first, line - 2), line)
        column = place - origin.rfind("\n", 0, place) - 1
    lines = [text.rstrip("\r") for text in origin.split("\n")]
    cut = max(0, column - _WIDTH // 2)
    shown = [
        f"{number:7} | {lines[number - start][cut : cut + _WIDTH]}"
        for number in range(first, last + 1)
    ]
    if caret:
        shown.append(f"{'':7} | {_blank(lines[line - start][cut:column])}^")
    return line, "\n".join(shown)


def _blank(text: str) -> str:
    """Return blanks as wide as the text is on a terminal."""
    return "".join(
        "\t" if letter == "\t" else " " * (1 + (east_asian_width(letter) in "WF"))
        for letter in text
        if not combining(letter)
    )
