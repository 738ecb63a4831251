"""
What a script takes away, as far as its text tells: tables, columns, rows.

May import lower floors; does no I/O. What a text cannot tell, such as dynamic SQL, the
engine finds when it runs.
Source: PostgreSQL, DROP, ALTER TABLE, TRUNCATE and DELETE.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from learnplan_db.psql.lexer import token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.psql.script import Script, Statement

Kind = Literal["table", "schema", "type", "column", "rows", "path"]

_DROPPED: dict[str, Kind] = {
    "table": "table",
    "schema": "schema",
    "type": "type",
    "domain": "type",
}
# What an ALTER TABLE may drop and keep all values.
_KEEPING = {"constraint", "default", "not", "expression", "identity"}
# What loses no row, whatever it works on, unless it cascades.
_HARMLESS = {
    *("begin", "start transaction", "commit", "end", "set", "reset", "analyze"),
    *("vacuum", "reindex", "grant", "revoke", "comment on", "alter table"),
    *(
        f"{verb} {kind}"
        for verb in ("create", "alter", "drop")
        for kind in ("function", "index", "policy", "procedure", "trigger", "view")
    ),
}


@dataclass(frozen=True, slots=True)
class Removal:
    """
    What one statement takes away.

    ``name`` is as written: of a table, a schema or a type dropped with all that hangs
    on it; of the table that loses a ``column``, or rows: all, or by a ``condition``
    and an ``alias``. A "path" takes nothing away: it is a statement that says where
    names are looked up from here on.
    """

    kind: Kind
    name: str
    column: str = ""
    condition: str = ""
    alias: str = ""


def removals(script: Script) -> list[Removal]:
    """Return what a script takes away, in its order."""
    return [one for statement in script.statements for one in _read(statement)]


def harmless(script: Script) -> bool:
    """Tell whether a script can lose no row, by its text alone."""
    return "\\" not in script.verbs and all(
        one.verb in _HARMLESS
        and not any(_column(one))
        and not (one.verb == "alter table" and _may_drop(one))
        and "cascade" not in one.text.lower()
        for one in script.statements
    )


class _Words:
    """The tokens of a statement, read one after the other."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts: list[tuple[str, int, int]] = []
        position = 0
        while position < len(text):
            kind, end = token(text, position)
            end = len(text) if end < 0 else end
            if kind not in {"space", "comment"} and text[position:end] != ";":
                self.parts.append((text[position:end], position, end))
            position = end
        self.place = 0

    @property
    def here(self) -> str:
        """Return the token that comes next, in lower case unless it is quoted."""
        if self.place >= len(self.parts):
            return ""
        text = self.parts[self.place][0]
        return text if text.startswith(('"', "'")) else text.lower()

    def take(self, *words: str) -> bool:
        """Go past these words if they come next, and tell."""
        start = self.place
        for word in words:
            if self.here != word:
                self.place = start
                return False
            self.place += 1
        return True

    def name(self) -> str:
        """Go past a name with its qualifiers and return it as written."""
        parts = [self.here]
        self.place += 1
        while self.take("."):
            parts.append(self.here)
            self.place += 1
        return ".".join(parts)

    def names(self) -> Iterator[str]:
        """Go past a list of names; an asterisk behind one says nothing new."""
        while self.here:
            self.take("only")
            yield self.name()
            self.take("*")
            if not self.take(","):
                return

    def skip(self, *stops: str) -> str:
        """Go on to the first of some words outside of parentheses; return it."""
        depth = 0
        while self.here and (depth or self.here not in stops):
            depth += (self.here in {"(", "["}) - (self.here in {")", "]"})
            self.place += 1
        return self.here

    def since(self, start: int) -> str:
        """Return the text from a token up to here."""
        if start >= self.place:
            return ""
        return self.text[self.parts[start][1] : self.parts[self.place - 1][2]]


def _read(statement: Statement) -> Iterator[Removal]:
    verb = statement.verb.partition(" ")[0]
    if verb == "drop":
        yield from _drop(statement)
    elif verb == "alter":
        yield from _column(statement)
    elif verb == "truncate":
        words = _Words(statement.text)
        words.take("truncate")
        words.take("table")
        yield from (Removal("rows", name) for name in words.names())
    elif verb == "delete":
        yield from _delete(statement)
    elif verb == "set":
        yield from _path(statement)


def _drop(statement: Statement) -> Iterator[Removal]:
    words = _Words(statement.text)
    words.take("drop")
    kind = _DROPPED.get(words.here)
    if kind is None:
        return
    words.place += 1
    words.take("if", "exists")
    names = list(words.names())
    if kind == "table" or words.take("cascade"):
        yield from (Removal(kind, name) for name in names)


def _column(statement: Statement) -> Iterator[Removal]:
    words = _Words(statement.text)
    if not words.take("alter", "table"):
        return
    words.take("if", "exists")
    words.take("only")
    table = words.name()
    words.take("*")
    while words.here:
        if words.take("drop") and words.here != "constraint":
            words.take("column")
            words.take("if", "exists")
            yield Removal("column", table, column=words.here)
        words.skip(",")
        words.take(",")


def _may_drop(statement: Statement) -> bool:
    """Tell whether a column may be dropped, however its table's name is written."""
    words = [part.lower() for part, _, _ in _Words(statement.text).parts]
    return any(
        word == "drop" and after not in _KEEPING for word, after in pairwise(words)
    )


def _path(statement: Statement) -> Iterator[Removal]:
    words = _Words(statement.text)
    words.take("set")
    words.take("local")
    words.take("session")
    if words.take("search_path", "to") or words.take("search_path", "="):
        start = words.place
        words.skip()
        yield Removal("path", words.since(start))


def _delete(statement: Statement) -> Iterator[Removal]:
    words = _Words(statement.text)
    if not words.take("delete", "from"):
        return
    words.take("only")
    name = words.name()
    words.take("*")
    words.take("as")
    alias = "" if words.here in {"using", "where", "returning", ""} else words.name()
    if words.here == "using":
        yield Removal("rows", name)  # at most
        return
    condition = ""
    if words.take("where"):
        start = words.place
        words.skip("returning")
        condition = words.since(start)
    yield Removal("rows", name, condition=condition, alias=alias)
