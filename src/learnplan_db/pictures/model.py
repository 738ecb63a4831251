"""
What is drawn of a schema: tables and what hangs on what, views, enums and functions.

Names are as the server stores them, without quotes; ``id`` is the qualified and quoted
name of the catalog. May import nothing of the package; holds no rule.
"""

from __future__ import annotations

from dataclasses import dataclass

ENFORCED, FOR_OTHERS, OFF = "forced", "enabled", "off"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``default`` and ``generated`` are SQL, or nothing."""

    name: str
    type: str
    nullable: bool
    default: str = ""
    generated: str = ""
    comment: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What a table has besides: a constraint, an index or a trigger, as SQL says it."""

    name: str
    definition: str
    comment: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which rows roles may do a command with."""

    name: str
    command: str
    roles: str
    comment: str
    using: str
    check: str
    restrictive: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """What a role may do, with all columns or with some of them."""

    role: str
    privileges: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """
    One table or view.

    ``row_security`` is one of the three words above, or nothing for a view; ``note``
    says what is unusual of it.
    """

    id: str
    name: str
    comment: str
    columns: tuple[Column, ...]
    row_security: str = ""
    note: str = ""
    constraints: tuple[Part, ...] = ()
    indexes: tuple[Part, ...] = ()
    triggers: tuple[Part, ...] = ()
    policies: tuple[Policy, ...] = ()
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """
    One foreign key: each row of the child names a row of the parent.

    ``optional`` where it may name none, ``single`` where no two may name the same;
    ``action`` is what the deletion of the parent's row does.
    """

    name: str
    child: str
    columns: tuple[str, ...]
    parent: str
    targets: tuple[str, ...]
    action: str
    optional: bool
    single: bool

    @property
    def owned(self) -> bool:
        """Tell whether the child's row goes with the parent's."""
        return self.action == "cascade"


@dataclass(frozen=True, slots=True)
class Enum:
    """A type of a few words, in their order."""

    name: str
    labels: tuple[str, ...]
    comment: str


@dataclass(frozen=True, slots=True)
class Function:
    """One function or procedure, and who may call it."""

    name: str
    arguments: str
    result: str
    comment: str
    traits: tuple[str, ...]
    callers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it; ``strangers`` are tables of other schemas that links lead to."""

    database: str
    schemas: tuple[str, ...]
    tables: tuple[Table, ...]
    links: tuple[Link, ...]
    views: tuple[Table, ...]
    enums: tuple[Enum, ...]
    functions: tuple[Function, ...]
    strangers: tuple[Table, ...] = ()

    @property
    def title(self) -> str:
        """Return what the picture is of."""
        word = "schema" if len(self.schemas) == 1 else "schemas"
        return f"{word} {', '.join(self.schemas)}"

    def name_of(self, table: str) -> str:
        """Return the name of the table of an id."""
        known = (*self.tables, *self.strangers)
        return next(one.name for one in known if one.id == table)

    def unguarded(self) -> list[Table]:
        """Return the tables of which row security is off, or not for the owner."""
        return [one for one in self.tables if one.row_security != ENFORCED]
