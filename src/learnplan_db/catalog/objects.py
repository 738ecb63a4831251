"""
The words of a catalog: objects, each with its facts by facet.

May import nothing; does no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# From what others stand on to what stands on them: the order in which one would build.
KINDS = (
    "role",
    "schema",
    "enum",
    "domain",
    "composite",
    "range",
    "sequence",
    "table",
    "column",
    "function",
    "constraint",
    "index",
    "statistics",
    "view",
    "rule",
    "trigger",
    "policy",
    "operator",
    "cast",
    "default_acl",
    "other",
)


@dataclass(frozen=True, order=True, slots=True)
class Key:
    """
    One object.

    Args: kind: one of KINDS; name: qualified and quoted where SQL needs it, such as
        ``learnplan.users`` for a table, ``learnplan.users.email`` for what belongs to
        one, ``learnplan.owns_plan(uuid)`` for a function, ``anon`` for a role.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        """Return the kind and the name, as a listing shows them."""
        return f"{self.kind} {self.name}"


Facts = Mapping[str, str]
Catalog = Mapping[Key, Facts]
