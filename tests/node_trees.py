"""
Expressions as PostgreSQL keeps them (pg_node_tree), read into nodes that can be walked.

What is asked of a policy is asked of its parsed form: names are resolved there, and
neither blanks nor aliases nor parentheses can hide a call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = re.compile(r'[{}()]|"(?:[^"\\]|\\.)*"|(?:\\.|[^\s{}()"\\])+')
NOTHING = "<>"


@dataclass(frozen=True)
class Node:
    """A node: its type such as OPEXPR, and its fields; one value each, or a list."""

    tag: str
    fields: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """Return a field; None where PostgreSQL wrote nothing, or has no such field."""
        value = self.fields.get(name)
        return None if value == NOTHING else value

    def rows(self, name: str) -> list[Any]:
        """Return a field that is a list, empty where PostgreSQL wrote nothing."""
        return list(self[name] or ())

    def number(self, name: str) -> int:
        """Return a field that is a number or an OID."""
        return int(self.fields[name])


def parse(text: str) -> Any:
    """Return what the text of one pg_node_tree says."""
    tokens = TOKEN.findall(text)[::-1]
    value = _value(tokens)
    assert not tokens, tokens[-1]
    return value


def _value(tokens: list[str]) -> Any:
    first = tokens.pop()
    if first == "{":
        return _node(tokens)
    if first == "(":
        items = []
        while tokens[-1] != ")":
            items.append(_value(tokens))
        tokens.pop()
        return items
    return first


def _node(tokens: list[str]) -> Node:
    tag, fields = tokens.pop(), {}
    while tokens[-1] != "}":
        name, values = tokens.pop(), []
        assert name.startswith(":"), name
        while tokens[-1] != "}" and not tokens[-1].startswith(":"):
            values.append(_value(tokens))
        fields[name[1:]] = values[0] if len(values) == 1 else values
    tokens.pop()
    return Node(tag, fields)


def walk(
    value: Any, queries: tuple[Node, ...] = ()
) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """Yield each node with the queries that it is within, the innermost last."""
    if isinstance(value, Node):
        yield value, queries
        if value.tag == "QUERY":
            queries = (*queries, value)
        # What a join shows of its two sides is no use of it.
        parts = [v for name, v in value.fields.items() if name != "joinaliasvars"]
    else:
        parts = value if isinstance(value, list) else []
    for part in parts:
        yield from walk(part, queries)


def has(value: Any, tag: str) -> bool:
    """Return whether there is a node of the type within."""
    return any(node.tag == tag for node, _ in walk(value))
