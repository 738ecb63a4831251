"""
What a page and a reference say of tables, in words: keys, rules, rights, row security.

May import pictures.model; pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from learnplan_db.pictures.model import ENFORCED, FOR_OTHERS, OFF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.pictures.model import Drawing, Grant, Link, Part, Policy, Table

GUARDS = {
    ENFORCED: "Row security is enabled, and forced on the owner too.",
    FOR_OTHERS: "Row security is enabled, but not forced: the owner passes it by.",
    OFF: "Row security is off: whoever has a grant sees every row.",
}
_DELETED = {
    "cascade": "deleted with it",
    "set null": "set to null when that row is deleted",
    "set default": "set to the default when that row is deleted",
}
_STAYS = "that row cannot be deleted before"


def count(number: int, noun: str) -> str:
    """Return a number of things."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def sentence(link: Link, drawing: Drawing) -> str:
    """Return what a line of the picture says."""
    child, parent = drawing.name_of(link.child), drawing.name_of(link.parent)
    few = "At most one row" if link.single else "Any number of rows"
    one = "at most one row" if link.optional else "one row"
    end = _DELETED.get(link.action, _STAYS)
    columns = ", ".join(link.columns)
    return f"{few} of {child} for {one} of {parent} ({columns}): {end}"


def offspring(drawing: Drawing) -> Iterator[tuple[int, str, str]]:
    """
    Yield who owns what as a tree: depth, table, and what leads to it from above.

    A table that is owned by several stands below each; what is below it, once. What no
    row of another table owns is a root.
    """
    owned = {one.child for one in drawing.links if one.owned}
    owners = {one.parent for one in drawing.links if one.owned}
    roots = [one.id for one in drawing.tables if one.id not in owned]
    roots += [one.id for one in drawing.strangers if one.id in owners]
    told: set[str] = set()

    def walk(table: str, depth: int, above: str) -> Iterator[tuple[int, str, str]]:
        name = drawing.name_of(table)
        yield depth, name, above
        if table in told:
            return
        told.add(table)
        for link in drawing.links:
            if link.owned and link.parent == table:
                yield from walk(link.child, depth + 1, ", ".join(link.columns))

    for root in roots:
        yield from walk(root, 0, "")
    for one in drawing.tables:  # owned in a circle
        if one.id not in told:
            yield from walk(one.id, 0, "")


def rule(part: Part, table: Table, drawing: Drawing) -> tuple[str, str]:
    """Return a constraint in words, and what of it is better said in SQL."""
    for link in drawing.links:
        if (link.child, link.name) == (table.id, part.name):
            parent, targets = drawing.name_of(link.parent), ", ".join(link.targets)
            end = _DELETED.get(link.action, _STAYS)
            none = ", or null" if link.optional else ""
            columns = ", ".join(link.columns)
            return f"{columns} is {targets} of a row of {parent}{none}; {end}", ""
    plain = r"(PRIMARY KEY|UNIQUE|CHECK) \((.*)\)"
    found = re.fullmatch(plain, part.definition, re.DOTALL)
    if not found:
        return "", part.definition
    if found[1] == "CHECK":
        return "every row:", _bare(found[2])
    words = {"PRIMARY KEY": "primary key:", "UNIQUE": "no two rows share:"}
    return words[found[1]], found[2]


def trigger(part: Part) -> tuple[str, str]:
    """Return when a trigger fires, in words, and what it calls."""
    shown = re.fullmatch(
        r"CREATE (?:CONSTRAINT )?TRIGGER (?:\"(?:[^\"]|\"\")*\"|\S+) (.+?) ON .*"
        r"FOR EACH (ROW|STATEMENT) (.*)EXECUTE FUNCTION (.+)",
        part.definition,
        re.DOTALL,
    )
    if not shown:
        return "", part.definition
    each = "" if shown[2] == "ROW" else ", once a statement"
    when = f", {shown[3].strip()}".lower() if shown[3] else ""
    return f"{shown[1].lower()}{each}{when}:", shown[4]


def _bare(condition: str) -> str:
    """Return a condition without the brackets around all of it."""
    inner = condition[1:-1]
    depth = 0
    for sign in inner:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth < 0:
            return condition
    return inner if condition[:1] == "(" and depth == 0 else condition


def rights(grant: Grant) -> str:
    """Return what a role may do, with all columns or with some."""
    return "; ".join(
        f"{word} of {', '.join(columns)}" if columns else word
        for word, columns in sorted(grant.privileges, key=lambda one: bool(one[1]))
    )


def reason(policy: Policy) -> str:
    """Return what a policy says: its comment, else its conditions."""
    if policy.comment:
        return policy.comment
    said = {"using": policy.using, "with check": policy.check}
    return "; ".join(f"{word} {text}" for word, text in said.items() if text)
