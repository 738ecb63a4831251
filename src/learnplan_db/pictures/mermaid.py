"""
A drawing as the text of a mermaid diagram, which GitHub and many editors show.

May import pictures.model; pure.
Source: mermaid 11, erDiagram.jison.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from learnplan_db.pictures.model import ENFORCED, FOR_OTHERS, OFF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.pictures.model import Column, Drawing, Link, Table

GUARDS = {
    ENFORCED: "RLS forced",
    FOR_OTHERS: "RLS not forced on the owner",
    OFF: "no RLS",
}
# Words that the grammar takes for itself, whatever their case.
_TAKEN = {"class", "classdef", "end", "many", "one", "only", "optionally", "style"}
_TAKEN |= {"subgraph", "to", "u", "zero", "direction", "erdiagram", "title"}
_UNSAFE = re.compile(r"[^\w ,.:;()/=+@$-]")
_MARKS = ("pk", "fk", "uk")


def as_mermaid(drawing: Drawing) -> str:
    """
    Return the diagram: tables with their columns, then one line a foreign key.

    A line is dotted where the child is not deleted with its parent. What may be null
    says so; comments would make the boxes too wide to read.
    """
    tables = (*drawing.tables, *drawing.strangers)
    names = {one.id: _entity(one, number) for number, one in enumerate(tables)}
    lines = ["erDiagram"]
    for table in tables:
        lines += [f"  {line}" for line in _box(table, names[table.id])]
    lines += [f"  {_line(link, names)}" for link in drawing.links]
    return "\n".join(lines) + "\n"


def relation(link: Link) -> str:
    """Return what stands between parent and child: how many, and who goes with whom."""
    one = "|o" if link.optional else "||"
    many = "o|" if link.single else "o{"
    return f"{one}{'--' if link.owned else '..'}{many}"


def quoted(text: str) -> str:
    """Return any text as the grammar and the browser behind it take it, on one line."""
    line = " ".join(text.split())
    shown = _UNSAFE.sub(_entity_code, line)
    return f'"{shown or " "}"'


def _entity_code(found: re.Match[str]) -> str:
    letter = not found[0].isascii() and found[0].isprintable()
    return found[0] if letter else f"#{ord(found[0])};"


def _entity(table: Table, number: int) -> str:
    plain = re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", table.name)
    return table.name if plain and table.name.lower() not in _TAKEN else f"t{number}"


def _box(table: Table, name: str) -> Iterator[str]:
    guard = GUARDS.get(table.row_security)
    label = f"{table.name} ({guard})" if guard else table.name
    yield f"{name}[{quoted(label)}]" + (" {" if table.columns else "")
    for column in table.columns:
        yield f"  {_row(column)}"
    if table.columns:
        yield "}"


def _row(column: Column) -> str:
    name = _word(column.name)
    said = [column.name] if name != column.name else []
    said += ["null"] if column.nullable else []
    words = [_word(column.type), name, ", ".join(column.keys)]
    words += [quoted(", ".join(said))] if said else []
    return " ".join(filter(None, words))


def _word(text: str) -> str:
    """Return a type or a column's name as one word of the grammar."""
    word = re.sub(r"[^A-Za-z0-9_()\[\],.-]", "_", text)
    if not re.match("[A-Za-z_]", word) or word.lower() in _MARKS:
        word = f"_{word}"
    return word


def _line(link: Link, names: dict[str, str]) -> str:
    label = f"{', '.join(link.columns)}: on delete {link.action}"
    parent, child = names[link.parent], names[link.child]
    return f"{parent} {relation(link)} {child} : {quoted(label)}"
