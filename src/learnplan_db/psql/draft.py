"""
Put the tokens of a script together into statements, where psql does.

May import errors and lexer; does no I/O.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from learnplan_db.errors import ScriptError

if TYPE_CHECKING:
    from learnplan_db.psql.lexer import Piece, Source

_VERB = re.compile(
    r"(begin|commit|end|rollback|abort)\b(?: work| transaction)?"
    r"( to\b| prepared| and chain)?"
    r"|(alter|comment|create|delete|drop|insert|prepare|start)\b"
    r"(?: (?:or replace|temp|temporary|unlogged|unique|global|local)\b)*( \S+)?|(\S+)"
)
CONTROL = re.compile(
    "begin|(?:start|prepare) transaction"
    "|(?:commit|end|rollback|abort)(?: prepared| and chain)?"
)
_ROUTINES = {"create function", "create procedure"}
_INLINE_COPY = {"from stdin", "from stdout", "to stdout", "to stdin"}
_BLANK = {"space", "comment"}
_TELLING = 12  # words


@dataclass(frozen=True, slots=True)
class Statement:
    """
    One statement as the server gets it, its semicolon included.

    ``line`` and ``end_line`` are 1-based in the file; ``verb`` is its first keyword,
    or two where one says too little ("create table"), without "or replace" and such;
    "" if it would control a transaction, but begins with something else.
    ``origin`` holds the whole lines of the file it stands on; ``places`` tells, as
    (offset in text, offset in origin, 1 if the text goes on as in origin or 0 if it
    is a variable's value), where the text comes from. ``offset`` is of the first
    token, in the file; ``copies`` tells if it may be a COPY with the client.
    """

    text: str
    line: int
    end_line: int
    verb: str
    origin: str = field(default="", repr=False)
    places: tuple[tuple[int, int, int], ...] = field(default=((0, 0, 1),), repr=False)
    offset: int = field(default=0, repr=False)
    copies: str = field(default="", repr=False)

    def locate(self, offset: int) -> int:
        """Return the offset in ``origin`` of an offset in ``text``."""
        index = bisect_right(self.places, offset, key=lambda place: place[0]) - 1
        start, origin, step = self.places[index]
        return origin + (offset - start) * step


class Draft:
    """A statement whose end has not been seen."""

    def __init__(self, file: Source) -> None:
        self.file = file
        self.pieces: list[Piece] = []
        self.words: list[str] = [""]  # "" stands for what is not a word
        self.nesting: list[tuple[str, int]] = []  # what is open, and since where
        self.copies = ""
        self.joined = False  # several statements in one message, by a joint

    def copy(self) -> Draft:
        """Return the draft as it is now, for a branch that may be given up."""
        twin = Draft(self.file)
        twin.pieces, twin.words = self.pieces[:], self.words[:]
        twin.nesting, twin.copies = self.nesting[:], self.copies
        twin.joined = self.joined
        return twin

    @property
    def verb(self) -> str:
        """Return the keywords that say what the statement does."""
        if self.joined:
            return "\\;"
        # No more words than tell it: a routine may nest, and be long.
        match = _VERB.match(" ".join(islice(filter(None, self.words), _TELLING)))
        verb = "".join(filter(None, match.groups())) if match else ""
        # A query may begin with a parenthesis; "(commit" controls nothing.
        bare = self.words[1:2] != [""]
        return verb if bare or not CONTROL.fullmatch(verb) else ""

    def add(self, piece: Piece) -> bool:
        """Add a token and tell whether the statement ends with it."""
        if piece.kind == "space" and not self.pieces:
            return False
        self.pieces.append(piece)
        if piece.kind in _BLANK:
            return False
        if piece.kind == "joint":
            self.words, self.joined = [""], True
            return False
        word = piece.text.lower() if piece.kind == "word" else ""
        self._nest(piece, word)
        self.words.append(word)
        return piece.text == ";" and not self.nesting

    def _nest(self, piece: Piece, word: str) -> None:
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
        elif pair in _INLINE_COPY and next(filter(None, self.words), "") == "copy":
            self.copies = pair

    def closed(self) -> Draft:
        """Return the draft; raise ScriptError if something in it is left open."""
        if self.nesting:
            what, offset = self.nesting[-1]
            raise ScriptError.unterminated(what, self.file.where(offset))
        return self

    def statements(self) -> list[Statement]:
        """Return the statement, or nothing if there are only blanks."""
        while self.pieces and self.pieces[-1].kind in _BLANK:
            self.pieces.pop()
        solid = [piece for piece in self.pieces if piece.kind not in _BLANK]
        if not solid or (solid[0].text == ";" and solid[0].kind != "joint"):
            return []
        line, text = self.file.line, self.file.text
        _, last, offset, step = solid[-1]
        stop = offset + (len(last) - 1) * step
        start = self.file.line_starts[line(self.pieces[0].offset) - 1]
        end = text.find("\n", stop)
        places: list[tuple[int, int, int]] = []
        size = 0
        for before, piece in zip([None, *self.pieces], self.pieces, strict=False):
            # A command cut out leaves a gap: the text goes on, but elsewhere.
            goes_on = before and before.offset + len(before.text) == piece.offset
            if not (places and piece.step and places[-1][2] and goes_on):
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
                solid[0].offset,
                self.copies,
            )
        ]
