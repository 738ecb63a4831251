"""
Cut a psql-dialect script into tokens, with psql's variables filled in.

Refuses what only psql can do; a meta-command to come is read where pieces are made.
May import errors; does no I/O.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from learnplan_db.errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LETTER = r"A-Za-z_\x80-\U0010ffff"  # to psql every character beyond ASCII is a letter
_NAME = rf"[{_LETTER}0-9]++"
# Possessive on characters only: before Python 3.11.5 a possessive group that fails half
# way keeps what it read. What follows a group leaves it nothing to give back instead.
_ESCAPED = r"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*'(?!')"
_GAP = r"(?:[ \t\f\v]++|--[^\n\r]*+)*[\n\r](?:[ \t\n\r\f\v]++|--[^\n\r]*+[\n\r])*"
_TOKEN = re.compile(
    rf"""
      (?P<space>    (?: [ \t\n\r\f\v]++ | --[^\n\r]*+ )+ )
    | (?P<comment>  /\* )
    | (?P<escaped>  [eE]{_ESCAPED}(?:{_GAP}{_ESCAPED})* )
    | (?P<string>   '[^']*+(?:''[^']*+)*'(?!') | "[^"]*+" )
    | (?P<open>     [eE]?' | " )
    | (?P<dollar>   \$(?:[{_LETTER}][{_LETTER}0-9]*+)?\$ )
    | (?P<word>     [{_LETTER}][{_LETTER}0-9$]*+ )
    | (?P<variable> :(?: {_NAME} | '{_NAME}' | "{_NAME}" | \{{\?{_NAME}\}} ) )
    | (?P<command>  \\(?: [A-Za-z_]\w*+\+? | \S )? )
    | (?P<other>    \$?[0-9][{_LETTER}0-9]*+ | :: | := | . )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_OPENED = {'"': "quoted identifier", "/": "comment", "$": "dollar quote"}


class Piece(NamedTuple):
    """A token, where in the file it comes from, and if it stands there (1) or not."""

    kind: str
    text: str
    offset: int
    step: int


def token(text: str, position: int) -> tuple[str, int]:
    """Return kind and end of the token at a position; the end is -1 if it has none."""
    match = _TOKEN.match(text, position)
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


class Source:
    """
    The text of one script.

    Args: text: of the file; name: the file's, for errors; variables: as psql's --set.
    """

    def __init__(self, text: str, name: str, variables: Mapping[str, str]) -> None:
        """Note where the lines start."""
        self.text, self.name, self.variables = text, name, variables
        self.line_starts = [0, *(edge.end() for edge in re.finditer("\n", text))]

    def line(self, offset: int) -> int:
        """Return the line of an offset."""
        return bisect_right(self.line_starts, offset)

    def where(self, offset: int) -> str:
        """Return the address of an offset."""
        return f"{self.name}:{self.line(offset)}"

    def pieces(
        self, text: str, base: int | None = None, names: tuple[str, ...] = ()
    ) -> Iterator[Piece]:
        """Yield the tokens of the file, or of the variable that is used at base."""
        position = 0
        while position < len(text):
            kind, end = token(text, position)
            offset = position if base is None else base
            piece = Piece(kind, text[position:end], offset, int(base is None))
            if end < 0 and names:
                raise ScriptError.bad_variable(names[-1], self.where(offset))
            if end < 0:
                opened = _OPENED.get(text[position], "quote")
                raise ScriptError.unterminated(opened, self.where(offset))
            if kind == "command":
                raise ScriptError.psql_only(piece.text, self.where(offset))
            yield from self.filled(piece, names) if kind == "variable" else (piece,)
            position = end

    def filled(self, piece: Piece, names: tuple[str, ...]) -> Iterator[Piece]:
        """Yield the value of a variable, quoted as psql does; unknown, its name."""
        name, quote = piece.text.strip(":'\"{?}"), piece.text[1]
        value = self.variables.get(name)
        if quote == "{":
            yield Piece("word", str(value is not None).upper(), piece.offset, 0)
        elif value is None or (name in names and quote not in {"'", '"'}):
            yield piece  # unknown, or used in its own value
        elif re.search("[\0\ud800-\udfff]", value):
            raise ScriptError.bad_variable(name, self.where(piece.offset))
        elif quote not in {"'", '"'}:
            yield from self.pieces(value, piece.offset, (*names, name))
        else:
            value = value.replace(quote, quote * 2)
            if quote == "'" and "\\" in value:
                value, quote = value.replace("\\", "\\\\"), " E'"
            yield Piece("string", quote + value + quote[-1], piece.offset, 0)
