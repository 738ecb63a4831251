"""
Read one psql-dialect script into statements, and run them one at a time.

The reader splits where psql splits and fills in psql's variables; it refuses, before
anything runs, what only psql can do. May import errors, model and psycopg; never
opens or closes a connection, never prints.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from unicodedata import combining, east_asian_width

import psycopg

from learnplan_db.errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_VARIABLES: Final[Mapping[str, str]] = MappingProxyType({})
_LETTER = r"A-Za-z_\x80-\U0010ffff"  # to psql every character beyond ASCII is a letter
_GAP = r"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*+[\n\r])*+"
_ESCAPED = r"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'"
_TOKEN = re.compile(
    rf"""
      (?P<space>    (?:[ \t\n\r\f\v] | --[^\n\r]*+)++ )
    | (?P<comment>  /\* )
    | (?P<escaped>  [eE]{_ESCAPED}(?:{_GAP}{_ESCAPED})*+ )
    | (?P<string>   '[^']*+(?:''[^']*+)*+' )
    | (?P<quoted>   "[^"]*+" )
    | (?P<open>     [eE]?' | " )
    | (?P<dollar>   \$(?:[{_LETTER}][{_LETTER}0-9]*+)?\$ )
    | (?P<word>     [{_LETTER}][{_LETTER}0-9$]*+ )
    | (?P<number>   \$?[0-9][{_LETTER}0-9]*+ )
    | (?P<symbol>   :: | := )
    | (?P<plain>    :[{_LETTER}0-9]++ )
    | (?P<literal>  :'[{_LETTER}0-9]++' )
    | (?P<name>     :"[{_LETTER}0-9]++" )
    | (?P<test>     :\{{\?[{_LETTER}0-9]++\}} )
    | (?P<left>     \( )
    | (?P<right>    \) )
    | (?P<end>      ; )
    | (?P<command>  \\(?:[A-Za-z_]\w*+\+? | \S)? )
    | (?P<other>    . )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_BLOCK_LINE = re.compile(r'inline_code_block"?\D+(\d+)')  # in any lc_messages
_OPENED = {"'": "quote", '"': "quoted identifier", "/": "comment", "$": "dollar quote"}
_WORDS_KEPT = 8  # enough for "create or replace function", "rollback work to savepoint"
_PAIRED = frozenset("alter comment create delete drop insert prepare start".split())
_MODIFIERS = frozenset("or replace temp temporary unlogged unique global local".split())
_OPENING = frozenset({"begin", "start transaction"})
_CLOSING = frozenset({"commit", "end"})
_CONTROL = (
    _OPENING
    | _CLOSING
    | {"abort", "rollback", "commit and chain", "end and chain", "rollback and chain"}
    | {"abort and chain", "prepare transaction", "commit prepared", "rollback prepared"}
)


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
        place = self.places[bisect_right(self.places, (offset, len(self.origin), 1)) - 1]
        return place[1] + (offset - place[0]) * place[2]


@dataclass(frozen=True, slots=True)
class Script:
    """The statements of one file; ``source`` is the file's name as shown in errors."""

    statements: tuple[Statement, ...]
    source: str

    @property
    def wrapped(self) -> bool:
        """Tell whether the script is one ``begin; … commit;`` and nothing else."""
        verbs = [statement.verb for statement in self.statements]
        return (
            len(verbs) > 1
            and verbs[0] in _OPENING
            and verbs[-1] in _CLOSING
            and _CONTROL.isdisjoint(verbs[1:-1])
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
        text = data.decode()
        bad = text.find("\0")
        line = text.count("\n", 0, bad) + 1
    except UnicodeDecodeError as error:
        bad, line = error.start, data.count(b"\n", 0, error.start) + 1
        raise ScriptError.not_utf8(f"{source}:{line}") from error
    if bad >= 0:
        raise ScriptError.not_utf8(f"{source}:{line}")
    reader = _Reader(text, source, variables)
    reader.scan(text, None, frozenset())
    return Script(reader.finish(), source)


def execute(
    connection: psycopg.Connection[object], statement: Statement, source: str
) -> int | None:
    """
    Run one statement on a connection in autocommit and return its row count, if any.

    Raises: ScriptError: if it fails; a transaction the script began is left as the
        server has it, aborted, for the caller to roll back.
    """
    codec = "utf-8" if connection.closed else connection.info.encoding
    try:
        # SQL_ASCII means that bytes are not looked at: then they go as they stand.
        query = statement.text.encode("utf-8" if codec == "ascii" else codec)
        # prepare=False keeps the simple protocol when a text comes again and again.
        count = connection.cursor().execute(query, prepare=False).rowcount
    except UnicodeEncodeError as error:
        line, excerpt = _excerpt(statement, error.start, caret=True)
        character = statement.text[error.start]
        failure = ScriptError.not_encodable(f"{source}:{line}", character, codec)
        failure.statement, failure.excerpt = statement.text, excerpt
        raise failure from error
    except psycopg.Error as error:
        raise _failure(error, statement, source) from error
    return count if count >= 0 else None


def _failure(error: psycopg.Error, statement: Statement, source: str) -> ScriptError:
    """Return the error with the line of the file where the server saw it."""
    position = error.diag.statement_position
    offset = int(position) - 1 if position else _block_offset(statement, error)
    line, excerpt = _excerpt(statement, offset, caret=position is not None)
    where = f"{source}:{line}"
    if offset is None and statement.line < statement.end_line:
        where += f", in the statement at lines {statement.line}-{statement.end_line}"
    state = error.sqlstate or ""
    unnamed = isinstance(error, psycopg.OperationalError) and not state
    lost = unnamed or state.startswith("08") or state in _SHUT_DOWN
    failure = (ScriptError.connection_lost if lost else ScriptError.failed)(error, where)
    failure.statement, failure.excerpt = statement.text, excerpt
    return failure


def _block_offset(statement: Statement, error: psycopg.Error) -> int | None:
    """Return the offset of the line of a DO block on which the server stopped."""
    lines = _BLOCK_LINE.findall(error.diag.context or "")
    if statement.verb != "do" or not lines:
        return None
    position, bodies = 0, []
    while position < len(statement.text):
        kind, end = _token(statement.text, position)
        if kind in {"dollar", "string"}:
            bodies.append((end - position, position))
        position = end
    if not bodies:
        return None
    offset = max(bodies)[1]  # the longest; the other may be a language's name
    for _ in range(int(lines[-1]) - 1):
        offset = statement.text.find("\n", offset) + 1
    return offset


def _excerpt(
    statement: Statement, offset: int | None, *, caret: bool
) -> tuple[int, str]:
    """Return the line of the file and up to three lines of it, that line the last."""
    origin = statement.origin or statement.text
    start = statement.end_line - origin.count("\n")
    if offset is None:
        last, column = min(statement.line + 2, statement.end_line), 0
        first = line = statement.line
    else:
        place = statement.locate(offset)
        last = line = start + origin.count("\n", 0, place)
        column = place - origin.rfind("\n", 0, place) - 1
        first = max(statement.line, line - 2)
    lines = [text.rstrip("\r") for text in origin.split("\n")]
    cut = max(0, column - _WIDTH // 2)
    shown = [
        f"{number:7} | {lines[number - start][cut : cut + _WIDTH]}"
        for number in range(first, last + 1)
    ]
    if caret:
        shown.append(" " * 7 + " | " + _blank(lines[-start + line][cut:column]) + "^")
    return line, "\n".join(shown)


def _blank(text: str) -> str:
    """Return blanks as wide as the text is on a terminal."""
    return "".join(
        "\t" if character == "\t" else " " * (1 + (east_asian_width(character) in "WF"))
        for character in text
        if not combining(character)
    )


def _token(text: str, position: int) -> tuple[str, int]:
    """Return kind and end of the token at a position; the end is -1 if it has none."""
    match = _TOKEN.match(text, position)
    kind, end = (match.lastgroup or "", match.end()) if match else ("other", position + 1)
    if kind == "open":
        end = -1
    elif kind == "dollar":
        tag = text[position:end]
        found = text.find(tag, end)
        end = found + len(tag) if found >= 0 else -1
    elif kind == "comment":
        depth, end = 0, -1
        for edge in _COMMENT_EDGE.finditer(text, position):
            depth += 1 if edge[0] == "/*" else -1
            if not depth:
                return kind, edge.end()
    return kind, end


def _verb(words: list[str]) -> str:
    """Return the keywords that say what the statement does."""
    first, rest = words[0] if words else "", words[1:]
    if first in _TRANSACTION:
        rest = [word for word in rest if word not in {"work", "transaction"}]
        if rest[:2] == ["and", "chain"]:
            return f"{first} and chain"
        return " ".join([first, *(word for word in rest[:1] if word in _TRANSACTION_2)])
    if first in _PAIRED:
        rest = [word for word in rest if word not in _MODIFIERS]
        return " ".join([first, *rest[:1]])
    return first


class _Reader:
    """Gathers tokens into statements; a later meta-command starts in ``_command``."""

    def __init__(self, text: str, source: str, variables: Mapping[str, str]) -> None:
        self.text = text
        self.source = source
        self.variables = variables
        self.line_starts = [0, *(edge.end() for edge in re.finditer("\n", text))]
        self.statements: list[Statement] = []
        self.clear()

    def clear(self) -> None:
        """Start a statement."""
        self.parts: list[str] = []
        self.places: list[tuple[int, int, int]] = []
        self.size = self.kept = self.first = self.last = 0
        self.words: list[str] = []  # the unquoted words it begins with
        self.before = ""  # the token before, if a word
        self.nesting: list[tuple[str, int]] = []  # "(", "begin atomic" and "case"

    def line(self, offset: int) -> int:
        """Return the line of an offset in the file."""
        return bisect_right(self.line_starts, offset)

    def where(self, offset: int) -> str:
        """Return the address of an offset in the file."""
        return f"{self.source}:{self.line(offset)}"

    def scan(self, text: str, base: int | None, names: tuple[str, ...]) -> None:
        """Take the tokens of the file, or of the value of a variable used at base."""
        position = 0
        while position < len(text):
            kind, end = _token(text, position)
            offset = position if base is None else base
            if end < 0 and names:
                what = "ends inside a quote or comment"
                raise ScriptError.bad_variable(names[-1], what, self.where(offset))
            if end < 0:
                what = _OPENED.get(text[position], "quote")
                raise ScriptError.unterminated(what, self.where(offset))
            if kind in _VARIABLES:
                self.variable(kind, text[position:end], offset, names)
            else:
                self.take(kind, text[position:end], offset, 0 if names else 1)
            position = end

    def variable(
        self, kind: str, token: str, offset: int, names: tuple[str, ...]
    ) -> None:
        """Put in the value of a psql variable, as psql quotes it."""
        name = token.strip(":'\"{?}")
        value = self.variables.get(name)
        if kind == "test":
            self.take("word", "FALSE" if value is None else "TRUE", offset, 0)
        elif value is None or (kind == "plain" and name in names):
            self.take("other", token, offset, 0 if names else 1)
        elif "\0" in value or _SURROGATE.search(value):
            what = "is not text"
            raise ScriptError.bad_variable(name, what, self.where(offset))
        elif kind == "plain":
            self.scan(value, offset, (*names, name))
        elif kind == "name":
            self.take("quoted", '"' + value.replace('"', '""') + '"', offset, 0)
        else:
            quoted = "'" + value.replace("'", "''").replace("\\", "\\\\") + "'"
            self.take("string", " E" * ("\\" in value) + quoted, offset, 0)

    def take(self, kind: str, token: str, offset: int, step: int) -> None:
        """Add a token that stands at an offset of the file, or came from there."""
        if kind == "command":
            self.command(token, offset)
        blank = kind in {"space", "comment"}
        if kind == "space" and not self.parts:
            return
        if not self.places or not step or not self.places[-1][2]:
            self.places.append((self.size, offset, step))
        self.parts.append(token)
        self.size += len(token)
        ...
