"""
The expressions in the body of a function: where they stand, and the body with another.

PL/pgSQL is cut at its own words by the parser's tokens; what is between them is SQL. A
body in SQL is one expression. Needs sqlglot, of the extra "proof"; may import errors
and mutation.predicates; never runs anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from learnplan_db.errors import MutationError
from learnplan_db.mutation.predicates import parser

if TYPE_CHECKING:
    from collections.abc import Iterator

# What an expression stands after, and what it then ends with.
_ENDS = {"if": "then", "elsif": "then", "return": ";", ":=": ";"}
# Return of a set, or of nothing: no expression follows.
_NO_VALUE = frozenset({";", "query", "next"})


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression of a body: its place there, in characters, and its text."""

    start: int
    end: int
    text: str

    def replaced(self, body: str, text: str) -> str:
        """Return the body with another expression in this place."""
        return body[: self.start] + text + body[self.end :]


def expressions(body: str, language: str, where: str) -> Iterator[Expression]:
    """
    Yield what a body tests, assigns and returns, in the order of the text.

    Raises: MutationError: the body cannot be cut into tokens.
    """
    if language == "sql":
        text = body.strip().rstrip(";")
        start = body.index(text)
        yield Expression(start, start + len(text), text)
        return
    tokens = _tokens(body, where)
    for at, token in enumerate(tokens):
        end = _ENDS.get(token.text.lower())
        if end is None or (end == "then" and at and _is_word(tokens[at - 1], "end")):
            continue
        after = next(
            (i for i in range(at + 1, len(tokens)) if _is_word(tokens[i], end)), None
        )
        first = tokens[at + 1] if at + 1 < len(tokens) else token
        if after is None or first.text.lower() in _NO_VALUE or after == at + 1:
            continue
        start, stop = first.start, tokens[after - 1].end + 1
        yield Expression(start, stop, body[start:stop])


def calls(body: str, where: str) -> frozenset[tuple[str, str]]:
    """Return the schema and name of each function that a body names so."""
    tokens = _tokens(body, where)
    quads = zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False)
    return frozenset(
        (schema.text, name.text)
        for schema, dot, name, opens in quads
        if (dot.text, opens.text) == (".", "(")
    )


def constant(language: str, value: str) -> str:
    """Return a body that answers the same whoever asks."""
    return f"select {value}" if language == "sql" else f"begin return {value}; end"


def _tokens(body: str, where: str) -> list[Any]:
    try:
        return list(_tokenizer()(dialect="postgres").tokenize(body))
    except parser().errors.SqlglotError as error:
        problem = str(error).split("\n", 1)[0]
        raise MutationError.unreadable(where, problem) from error


@cache
def _tokenizer() -> Any:
    """Return the parser's tokenizer, to which no word starts a command of a client."""
    plain = parser().dialects.postgres.Postgres.Tokenizer
    # Else "declare" would swallow all up to the first semicolon.
    return type(plain)("Tokenizer", (plain,), {"COMMANDS": frozenset()})


def _is_word(token: Any, word: str) -> bool:
    return str(token.text).lower() == word and token.token_type.name != "STRING"
