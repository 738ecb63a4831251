"""
What all sorts of fault have in common: how one is named, and whose right it needs.

May import proof.nouns and surface; never runs a statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.mutation.surface import PUBLIC
from learnplan_db.proof.nouns import Mutant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnplan_db.mutation.surface import Surface


def fault(kind: str, where: str, what: str, *statements: str, says: str = "") -> Mutant:
    """Return a mutant whose name is what it damages and how."""
    return Mutant(f"{where}: {what}", kind, where, statements, says or what)


def quoted(name: str) -> str:
    """Return a name as SQL always reads it, reserved word or not."""
    return '"' + name.replace('"', '""') + '"'


def grantee(name: str) -> str:
    """Return who holds a right, as SQL: a role's name, or the word PUBLIC."""
    return name if name == PUBLIC else quoted(name)


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def as_owner(surface: Surface, owner: str, *statements: str) -> tuple[str, ...]:
    """Return statements that need the owner's rights, with the owner's role around."""
    if surface.superuser or owner == surface.user:
        return statements
    role = literal(owner)
    return (
        f"select learnplan_private.borrow_role({role})",
        *statements,
        f"select learnplan_private.return_role({role})",
    )


def unique(mutants: Iterable[Mutant]) -> list[Mutant]:
    """Return each way to damage once, and each with a name of its own."""
    seen: dict[tuple[str, ...], Mutant] = {}
    for one in mutants:
        seen.setdefault(one.statements, one)
    names: dict[str, int] = {}
    kept = []
    for one in seen.values():
        names[one.name] = number = names.get(one.name, 0) + 1
        name = one.name if number == 1 else f"{one.name} ({number})"
        kept.append(Mutant(name, one.kind, one.object, one.statements, one.says))
    return kept
