"""
What is made or dropped at once, and what is left to a person since it holds something.

May import lower floors of catalog; asks the target through ``Losses`` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnplan_db.catalog.alteration import BY_HAND, ORDER
from learnplan_db.catalog.names import literal, split
from learnplan_db.catalog.objects import Key
from learnplan_db.catalog.wording import drops

if TYPE_CHECKING:
    from collections.abc import Collection

    from learnplan_db.catalog.altering import Altering
    from learnplan_db.catalog.objects import Catalog

_GIVEN = {"default", "generated", "identity"}


@dataclass(frozen=True, slots=True)
class Step:
    """
    Statements on one object; ``note`` is what a person has to know.

    ``withheld`` are statements that would lose something, or cannot run yet.
    """

    key: Key
    statements: tuple[str, ...] = ()
    note: str = ""
    withheld: tuple[str, ...] = ()


class Careful:
    """
    Makes the steps that make and drop, and asks what they would lose.

    Args: extra: objects that no change made, of which one may be another renamed.
    """

    def __init__(self, work: Altering, extra: Collection[Key]) -> None:
        self._work, self._extra = work, extra
        self._expected, self._found = work.expected.catalog, work.found

    def dropped(self, key: Key) -> Step:
        """Return the step that drops an object."""
        statements = drops(key, self._found, self._work.expected.owner)
        if not statements:
            return Step(key, note=BY_HAND)
        holder, word = split(key.name)
        if any(self._namesake(one) == key for one in self._missing(key.kind)):
            note = "it may be what is missing by another name"
            return Step(key, (), note, tuple(statements))
        if key.kind == "table" and self._found[key]["sort"] != "foreign":
            full = self._work.losses.rows(key.name)
            check = _only_if_empty(key.name)
        elif key.kind == "column" and Key("table", holder) in self._found:
            full = self._work.losses.values(holder, word)
            check = _only_if_empty(holder, word)
        else:
            return Step(key, tuple(statements))
        if full:
            noun = "rows" if key.kind == "table" else "values"
            note = f"it holds {noun}, or nobody may look: they would be lost"
            return Step(key, (), note, tuple(statements))
        return Step(key, (*check, *statements))

    def _missing(self, kind: str) -> list[Key]:
        if kind not in {"table", "column"}:
            return []
        return [k for k in self._expected if k.kind == kind and k not in self._found]

    def made(self, key: Key) -> Step:
        """Return the step that makes an object."""
        statements = tuple(self._work.expected.makes(key) or ())
        if not statements:
            return Step(key, note=BY_HAND)
        holder, word = split(key.name)
        if key.kind not in {"table", "column"} or (
            key.kind == "column" and Key("table", holder) not in self._found
        ):
            return Step(key, statements)
        if other := self._namesake(key):
            table = f"table {holder} rename column" if key.kind == "column" else "table"
            name = (
                split(other.name)[1] if key.kind == "column" else f"{other.name} rename"
            )
            note = f"if it is {other} by another name, then rename that"
            return Step(key, (), note, (f"alter {table} {name} to {word}",))
        if key.kind == "table":
            return Step(key, statements, "made without its rows: see a backup for them")
        facts, rows = self._expected[key], self._work.losses.rows(holder)
        if rows and facts["not_null"] == "yes" and not _GIVEN & facts.keys():
            note = "no row there has a value for it: see a backup for them"
            return Step(key, (), note, statements)
        note = "made without its values: see a backup for them" if rows else ""
        if self._before_others(key):
            note = f"it comes last; {ORDER}"
        return Step(key, statements, note)

    def _namesake(self, key: Key) -> Key | None:
        """Return what is like a missing table or column, and nobody planned."""
        holder, _ = split(key.name)
        for other in sorted(self._extra):
            there, name = split(other.name)
            if other.kind != key.kind or there != holder:
                continue
            if key.kind == "table":
                alike = self._fields(self._expected, key) == self._fields(
                    self._found, other
                )
            else:
                same = self._expected[key]["type"] == self._found[other]["type"]
                alike = same and self._work.losses.values(holder, name)
            if alike:
                return other
        return None

    @staticmethod
    def _fields(catalog: Catalog, table: Key) -> set[tuple[str, str]]:
        """Return the names and types of a table's columns."""
        return {
            (split(key.name)[1], facts["type"])
            for key, facts in catalog.items()
            if key.kind == "column" and split(key.name)[0] == table.name
        }

    def _before_others(self, key: Key) -> bool:
        """Tell whether columns that are there stand behind a missing one."""
        holder, _ = split(key.name)
        own = int(self._expected[key]["position"])
        return any(
            column in self._found and int(self._expected[column]["position"]) > own
            for column in self._work.expected.columns(holder)
        )


def _only_if_empty(table: str, column: str | None = None) -> list[str]:
    """Return what stops the script if there is something by now that would be lost."""
    holds = f" where {column} is not null" if column else ""
    what = literal(f"{table}{f'.{column}' if column else ''} is not empty any more")
    check = f"if exists (select from {table}{holds}) then"
    body = f"begin\n  {check}\n    raise exception '%', {what};\n  end if;\nend"
    return [
        f"lock table {table} in access exclusive mode",
        f"do $empty$\n{body}\n$empty$",
    ]
