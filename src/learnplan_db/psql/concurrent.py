"""
Read the statements that cannot run in a transaction, or seldom do, as far as matters.

Names stay as they are written: the server resolves them as the script's session would.
May import lexer; does no I/O.
Source: PostgreSQL, CREATE INDEX, DROP INDEX, REINDEX and ALTER TYPE.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnplan_db.psql.lexer import token

if TYPE_CHECKING:
    from collections.abc import Callable

_BLANK = {"space", "comment"}
_LITERALS = {"string", "escaped", "dollar"}
_HINTS = "concurrently", "value"


@dataclass(frozen=True, slots=True)
class Build:
    """CREATE INDEX CONCURRENTLY; ``rest`` is what follows the table's name."""

    unique: bool
    lenient: bool
    name: str
    table: str
    rest: str


@dataclass(frozen=True, slots=True)
class Drop:
    """DROP INDEX CONCURRENTLY."""

    lenient: bool
    name: str


@dataclass(frozen=True, slots=True)
class Rebuild:
    """REINDEX CONCURRENTLY of an index or a table; of more if there is no name."""

    name: str


@dataclass(frozen=True, slots=True)
class Value:
    """ALTER TYPE ... ADD VALUE; ``literal`` is the value with its quotes."""

    lenient: bool
    type: str
    literal: str


Known = Build | Drop | Rebuild | Value


def read(text: str) -> Known | None:
    """Return what a statement does, if it is one of these and names its index."""
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return None
    words = _Words(text)
    if ";" in (one for _, one, _ in words.tokens[:-1]):
        return None  # several in one message are one transaction
    for verb, reader in _READERS.items():
        if words.take(verb):
            return reader(words)
    return None


class _Words:
    """The tokens of a statement, without blanks, taken one after the other."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        self.tokens: list[tuple[str, str, int]] = []
        start = 0
        while start < len(text):
            kind, end = token(text, start)
            end = end if end > start else len(text)
            if kind not in _BLANK:
                self.tokens.append((kind, text[start:end], end))
            start = end

    def take(self, *words: str) -> bool:
        """Take these words, if they are next."""
        ahead = self.tokens[self.place : self.place + len(words)]
        if [one.lower() for _, one, _ in ahead] != list(words):
            return False
        self.place += len(words)
        return True

    def one(self, *kinds: str) -> str:
        """Take a token of some kinds, if it is next; else nothing."""
        ahead = self.tokens[self.place : self.place + 1]
        if not ahead or ahead[0][0] not in kinds:
            return ""
        self.place += 1
        return ahead[0][1]

    def name(self) -> str:
        """Take a name, qualified or not; nothing if it is none."""
        parts = [self._part()]
        while parts[-1] and self.take("."):
            parts.append(self._part())
        return ".".join(parts) if parts[-1] else ""

    def _part(self) -> str:
        ahead = self.tokens[self.place : self.place + 1]
        quoted = bool(ahead) and ahead[0][1].startswith("'")
        return "" if quoted else self.one("word", "string")

    def rest(self) -> str:
        """Return the text behind what was taken."""
        return self.text[self.tokens[self.place - 1][2] :]


def _create(words: _Words) -> Known | None:
    unique = words.take("unique")
    if not words.take("index", "concurrently"):
        return None
    lenient = words.take("if", "not", "exists")
    name = words.name()
    if not name or name.lower() == "on" or not words.take("on"):
        return None
    words.take("only")
    table = words.name()
    return Build(unique, lenient, name, table, words.rest()) if table else None


def _drop(words: _Words) -> Known | None:
    if not words.take("index", "concurrently"):
        return None
    lenient = words.take("if", "exists")
    name = words.name()
    return Drop(lenient, name) if name else None


def _reindex(words: _Words) -> Known | None:
    concurrently = False
    if words.take("("):
        while words.place < len(words.tokens) and not words.take(")"):
            if words.take("concurrently"):
                concurrently = True
            else:
                words.place += 1
    kind = words.one("word").lower()
    if not words.take("concurrently") and not concurrently:
        return None
    return Rebuild(words.name() if kind in {"index", "table"} else "")


def _alter(words: _Words) -> Known | None:
    if not words.take("type"):
        return None
    name = words.name()
    if not name or not words.take("add", "value"):
        return None
    lenient = words.take("if", "not", "exists")
    literal = words.one(*_LITERALS)
    return Value(lenient, name, literal) if literal else None


_READERS: dict[str, Callable[[_Words], Known | None]] = {
    "create": _create,
    "drop": _drop,
    "reindex": _reindex,
    "alter": _alter,
}
