"""
Cut a psql-dialect script into tokens, with psql's variables filled in.

May import errors; does no I/O.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from learnplan_db.errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Lookup = Callable[[str], str | None]

# To psql every character beyond ASCII is a letter. The classes say what is none, within
# ASCII: one that lists the letters takes milliseconds to compile, at each start.
LETTER = r"[^\x00-@\[-\^`{-\x7f]"
LETTER_OR_DIGIT = r"[^\x00-/:-@\[-\^`{-\x7f]"
WORD = rf"{LETTER}[^\x00-#%-/:-@\[-\^`{{-\x7f]*+"  # with digits and $ in it
NAME = rf"{LETTER_OR_DIGIT}++"
VARIABLE = rf""":(?: {NAME} | '{NAME}' | "{NAME}" | \{{\?{NAME}\}} )"""
# Possessive on characters only: before Python 3.11.5 a possessive group that fails half
# way keeps what it read. What follows a group leaves it nothing to give back instead.
_ESCAPED = r"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*'(?!')"
_GAP = r"(?:[ \t\f\v]++|--[^\n\r]*+)*[\n\r](?:[ \t\n\r\f\v]++|--[^\n\r]*+[\n\r])*"
ESCAPED = rf"{_ESCAPED}(?:{_GAP}{_ESCAPED})*"
_PLAIN = "'[^']*+(?:''[^']*+)*'(?!') |"
_TOKEN = rf"""
      (?P<space>    (?: [ \t\n\r\f\v]++ | --[^\n\r]*+ )+ )
    | (?P<comment>  /\* )
    | (?P<escaped>  [eE]{ESCAPED} )
    | (?P<string>   {_PLAIN} "[^"]*+(?:""[^"]*+)*"(?!") )
    | (?P<open>     [eE]?' | " )
    | (?P<dollar>   \$(?:{LETTER}{LETTER_OR_DIGIT}*+)?\$ )
    | (?P<word>     {WORD} )
    | (?P<variable> {VARIABLE} )
    | (?P<joint>    \\; )
    | (?P<colon>    \\: )
    | (?P<command>  \\[^ \t\n\r\f\v\\]*+ )
    | (?P<other>    \$?[0-9]{LETTER_OR_DIGIT}*+ | :: | := | . )
    """
_FLAGS = re.VERBOSE | re.DOTALL | re.ASCII
STANDARD = re.compile(_TOKEN, _FLAGS)
# With standard_conforming_strings off, a plain string is read as one with an E.
OLD = re.compile(
    _TOKEN.replace("[eE]'", "[eE]?'").replace(_PLAIN, ""),
    _FLAGS,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_OPENED = {'"': "quoted identifier", "/": "comment", "$": "dollar quote"}
_END_OF_DATA = re.compile(r"^\\\.\r?$", re.MULTILINE)
_FILLED_JOINTS = {"joint": ";", "colon": ":"}


class Piece(NamedTuple):
    """A token, where in the file it comes from, and if it stands there (1) or not."""

    kind: str
    text: str
    offset: int
    step: int


def token(
    text: str, position: int, table: re.Pattern[str] = STANDARD
) -> tuple[str, int]:
    """Return kind and end of the token at a position; the end is -1 if it has none."""
    match = table.match(text, position)
    kind, end = (match.lastgroup or "", match.end()) if match else ("", position)
    if kind == "dollar":
        tag = text[position:end]
        end = text.find(tag, end)
        return kind, end + len(tag) if end >= 0 else -1
    if kind == "comment":
        depth = 0
        for edge in _COMMENT_EDGE.finditer(text, position):
            depth += 1 if edge[0] == "/*" else -1
            if not depth:
                return kind, edge.end()
    return kind, -1 if kind in {"open", "comment"} else end


def quoted(value: str, quote: str) -> str:
    """Return a value as psql writes it for :'x' or :"x"."""
    value = value.replace(quote, quote * 2)
    if quote == "'" and "\\" in value:
        return " E'" + value.replace("\\", "\\\\") + "'"
    return quote + value + quote


class Source:
    """
    The text of one script.

    Args: text: of the file; name: the file's, for errors.
    """

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name

    @cached_property
    def line_starts(self) -> list[int]:
        """Return the offset at which each line starts."""
        return [0, *(edge.end() for edge in re.finditer("\n", self.text))]

    @property
    def lines(self) -> int:
        """Return how many lines psql counts when it has read the file."""
        return len(self.line_starts) - self.text.endswith("\n")

    def line(self, offset: int) -> int:
        """Return the line of an offset."""
        return bisect_right(self.line_starts, offset)

    def where(self, offset: int) -> str:
        """Return the address of an offset."""
        return f"{self.name}:{self.line(offset)}"


class Lexer:
    """
    The tokens of a file, one after the other, variables looked up as they come.

    Whoever takes a piece of kind "command" reads on from ``position``, and moves it.
    Args: source: the file; lookup: the value of a variable now; table: of tokens.
    Raises: ScriptError: exit code 2, at what is not closed.
    """

    def __init__(
        self, source: Source, lookup: Lookup, table: re.Pattern[str] = STANDARD
    ) -> None:
        self.source, self.lookup, self.table = source, lookup, table
        self.text, self.position, self._read = source.text, 0, 0

    def __iter__(self) -> Iterator[Piece]:
        while self.position < len(self.text):
            start = self.position
            kind, self.position = token(self.text, start, self.table)
            if self.position < 0:
                opened = _OPENED.get(self.text[start], "quote")
                raise ScriptError.unterminated(opened, self.source.where(start))
            text = self.text[start : self.position]
            if kind == "variable":
                yield from self._filled(Piece(kind, text, start, 1), ())
            elif kind in _FILLED_JOINTS:
                yield Piece(kind, _FILLED_JOINTS[kind], start, 0)
            else:
                yield Piece(kind, text, start, 1)

    def rest_of_line(self) -> str:
        """Return what is left of the line, without its end."""
        end = self.text.find("\n", self.position)
        return self.text[self.position : end if end >= 0 else None]

    def data(self) -> tuple[int, int]:
        r"""Cut out the lines from the next one to ``\.``; return where they stand."""
        end_of_line = self.text.find("\n", self.position)
        start = max(end_of_line + 1 if end_of_line >= 0 else len(self.text), self._read)
        end = _END_OF_DATA.search(self.text, start)
        stop = end.start() if end else len(self.text)
        after = self._read = min(end.end() + 1, len(self.text)) if end else stop
        if not self.text[self.position : start].strip():
            self.position = after
        else:  # the line goes on with SQL: blank the data out, keep all offsets
            blank = re.sub(r"[^\n]", " ", self.text[start:after])
            self.text = self.text[:start] + blank + self.text[after:]
        return start, stop

    def _pieces(self, text: str, base: int, names: tuple[str, ...]) -> Iterator[Piece]:
        """Yield the tokens of the value of a variable that is used at base."""
        position, where = 0, self.source.where
        while position < len(text):
            kind, end = token(text, position, self.table)
            if end < 0:
                raise ScriptError.bad_variable(names[-1], where(base))
            piece = Piece(kind, text[position:end], base, 0)
            if kind in {"command", *_FILLED_JOINTS}:
                raise ScriptError.psql_only(piece.text, where(base))
            yield from self._filled(piece, names) if kind == "variable" else (piece,)
            position = end

    def _filled(self, piece: Piece, names: tuple[str, ...]) -> Iterator[Piece]:
        """Yield the value of a variable, quoted as psql does; unknown, its name."""
        name, quote = piece.text.strip(":'\"{?}"), piece.text[1]
        value = self.lookup(name)
        if quote == "{":
            yield Piece("word", str(value is not None).upper(), piece.offset, 0)
        elif value is None or (name in names and quote not in {"'", '"'}):
            yield piece  # unknown, or used in its own value
        elif re.search("[\0\ud800-\udfff]", value):
            raise ScriptError.bad_variable(name, self.source.where(piece.offset))
        elif quote not in {"'", '"'}:
            yield from self._pieces(value, piece.offset, (*names, name))
        else:
            yield Piece("string", quoted(value, quote), piece.offset, 0)
