"""
Read one psql-dialect script into statements, and run them one at a time.

The reader splits where psql splits and fills in psql's variables; it refuses, before
anything runs, what only psql can do. May import errors, lexer and psycopg; never
opens or closes a connection, never prints.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

import psycopg

from learnplan_db.errors import ScriptError
from learnplan_db.lexer import Piece, Source, token

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_VERB = re.compile(
    r"(begin|commit|end|rollback|abort)\b(?: work| transaction)?"
    r"( to\b| prepared| and chain)?"
    r"|(alter|comment|create|delete|drop|insert|prepare|start)\b"
    r"(?: (?:or replace|temp|temporary|unlogged|unique|global|local)\b)*( \S+)?|(\S+)"
)
_CONTROL = re.compile(
    "begin|(?:start|prepare) transaction"
    "|(?:commit|end|rollback|abort)(?: prepared| and chain)?"
)
_ROUTINES = {"create function", "create procedure"}
_INLINE_COPY = {"from stdin", "from stdout", "to stdout", "to stdin"}
_BLANK = {"space", "comment"}
_BLOCK_LINE = re.compile(r'inline_code_block"?\D+(\d+)')  # in any lc_messages
_LOST = re.compile("08...|57P0[123]")  # connection exceptions, and the server's end
_WIDTH = 120  # characters shown of a line


@dataclass(frozen=True, slots=True)
class Statement:
    """
    One statement as the server gets it, its semicolon included.

    ``line`` and ``end_line`` are 1-based in the file; ``verb`` is its first keyword,
    or two where one says too little ("create table"), without "or replace" and such.
    ``origin`` holds the whole lines of the file it stands on; ``places`` tells, as
    (offset in text, offset in origin, 1 if the text goes on as in origin or 0 if it
    is a variable's value), where the text comes from.
    """

    text: str
    line: int
    end_line: int
    verb: str
    origin: str = field(default="", repr=False)
    places: tuple[tuple[int, int, int], ...] = field(default=((0, 0, 1),), repr=False)

    def locate(self, offset: int) -> int:
        """Return the offset in ``origin`` of an offset in ``text``."""
        index = bisect_right(self.places, offset, key=lambda place: place[0]) - 1
        start, origin, step = self.places[index]
        return origin + (offset - start) * step


@dataclass(frozen=True, slots=True)
class Script:
    """The statements of one file; ``source`` is the file's name as shown in errors."""

    statements: tuple[Statement, ...]
    source: str

    @property
    def wrapped(self) -> bool:
        """Tell whether the script is one ``begin; ... commit;`` and nothing else."""
        verbs = [statement.verb for statement in self.statements]
        return (
            len(verbs) > 1
            and verbs[0] in {"begin", "start transaction"}
            and verbs[-1] in {"commit", "end"}
            and not any(map(_CONTROL.fullmatch, verbs[1:-1]))
        )

    @property
    def body(self) -> tuple[Statement, ...]:
        """Return what stands between begin and commit, or all if not wrapped."""
        return self.statements[1:-1] if self.wrapped else self.statements


def read(
    data: bytes, source: str, variables: Mapping[str, str] = _NO_VARIABLES
) -> Script:
    """
    Return the statements of a script, with psql's variables filled in.

    Args: data: the file; source: its name for errors; variables: as psql's --set.
    Raises: ScriptError: exit code 2, if the file is not UTF-8, needs psql itself or
        ends inside a quote, comment, parenthesis or "begin atomic".
    Source: psqlscan.l of PostgreSQL 18; psql, "SQL Interpolation".
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.replace(b"\0", b"\xff").decode()  # NUL cannot be sent at all
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScriptError.not_utf8(f"{source}:{line}") from error
    file = Source(text, source, variables)
    draft, statements = _Draft(file), []
    for piece in file.pieces(text):
        if draft.add(piece):
            statements += draft.statements()
            draft = _Draft(file)
    if draft.nesting:
        what, offset = draft.nesting[-1]
        raise ScriptError.unterminated(what, file.where(offset))
    return Script((*statements, *draft.statements()), source)


def execute(
    connection: psycopg.Connection[object], statement: Statement, source: str
) -> int | None:
    """
    Run one statement on a connection in autocommit; return its row count, if any.

    Raises: ScriptError: if it fails; a transaction the script began is left as the
        server has it, aborted, for the caller to roll back.
    """
    codec = "utf-8" if connection.closed else connection.info.encoding
    try:
        # SQL_ASCII means that nobody looks at the bytes: they go as the file has them.
        query = statement.text.encode("utf-8" if codec == "ascii" else codec)
        # prepare=False: else a text that comes again is prepared, unlike in psql.
        count = connection.cursor().execute(query, prepare=False).rowcount
    except UnicodeEncodeError as error:
        where = f"{source}:{statement.line}"
        letter = statement.text[error.start]
        raise ScriptError.not_encodable(where, letter, codec) from error
    except psycopg.Error as error:
        raise _failure(error, statement, source) from error
    return count if count >= 0 else None


def _failure(error: psycopg.Error, statement: Statement, source: str) -> ScriptError:
    """Return the error with the line of the file where the server saw it."""
    position = error.diag.statement_position
    offset = int(position) - 1 if position else _block_offset(error, statement)
    line, excerpt = _excerpt(statement, offset, caret=bool(position))
    where = f"{source}:{line}"
    if offset is None and statement.line < statement.end_line:
        where += f", in the statement at lines {statement.line}-{statement.end_line}"
    state = error.sqlstate
    unnamed = isinstance(error, psycopg.OperationalError) and state is None
    lost = unnamed or _LOST.fullmatch(state or "")
    cause = ScriptError.connection_lost if lost else ScriptError.failed
    failure = cause(error, where)
    failure.statement, failure.excerpt = statement.text, excerpt
    return failure


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


class _Draft:
    """A statement whose end has not been seen."""

    def __init__(self, file: Source) -> None:
        self.file = file
        self.pieces: list[Piece] = []
        self.words: list[str] = [""]  # "" stands for what is not a word
        self.nesting: list[tuple[str, int]] = []  # what is open, and since where

    @property
    def verb(self) -> str:
        """Return the keywords that say what the statement does."""
        match = _VERB.match(" ".join(filter(None, self.words)))
        return "".join(filter(None, match.groups())) if match else ""

    def add(self, piece: Piece) -> bool:
        """Add a token and tell whether the statement ends with it."""
        if piece.kind == "space" and not self.pieces:
            return False
        self.pieces.append(piece)
        if piece.kind in _BLANK:
            return False
        word = piece.text.lower() if piece.kind == "word" else ""
        self.nest(piece, word)
        self.words.append(word)
        return piece.text == ";" and not self.nesting

    def nest(self, piece: Piece, word: str) -> None:
        """Note what opens and closes, for a semicolon inside it ends nothing."""
        inner = self.nesting[-1][0] if self.nesting else ""
        pair = f"{self.words[-1]} {word}"
        if piece.text == "(":
            self.nesting.append(("parenthesis", piece.offset))
        elif inner == "parenthesis":
            if piece.text == ")":
                self.nesting.pop()
        elif inner and word == "case":
            self.nesting.append(("case", piece.offset))
        elif inner and word == "end":
            self.nesting.pop()
        elif pair == "begin atomic" and self.verb in _ROUTINES:
            self.nesting.append((pair, piece.offset))
        elif pair in _INLINE_COPY and self.verb == "copy":
            raise ScriptError.psql_only(f"copy {pair}", self.file.where(piece.offset))

    def statements(self) -> list[Statement]:
        """Return the statement, or nothing if there are only blanks."""
        while self.pieces and self.pieces[-1].kind in _BLANK:
            self.pieces.pop()
        solid = [piece for piece in self.pieces if piece.kind not in _BLANK]
        if not solid or solid[0].text == ";":
            return []
        line, text = self.file.line, self.file.text
        _, last, offset, step = solid[-1]
        stop = offset + (len(last) - 1) * step
        start = self.file.line_starts[line(self.pieces[0].offset) - 1]
        end = text.find("\n", stop)
        places: list[tuple[int, int, int]] = []
        size = 0
        for piece in self.pieces:
            if not (places and piece.step and places[-1][2]):
                places.append((size, piece.offset - start, piece.step))
            size += len(piece.text)
        return [
            Statement(
                "".join(piece.text for piece in self.pieces),
                line(solid[0].offset),
                line(stop),
                self.verb,
                text[start : end if end >= 0 else None],
                tuple(places),
            )
        ]
