"""
The statements that mend differences, in an order in which they can run.

First goes what stands in the way, dependents before what they stand on; then all is
altered and made, what others stand on before them; last goes what nobody planned.
May import lower floors of catalog; does no I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.catalog.alteration import Alteration
from learnplan_db.catalog.careful import Careful, Step
from learnplan_db.catalog.edges import reach, reverse
from learnplan_db.catalog.names import inherited, parents, split
from learnplan_db.catalog.order import lifted, ordered

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from learnplan_db.catalog.altering import Altering
    from learnplan_db.catalog.difference import Difference
    from learnplan_db.catalog.edges import Edges
    from learnplan_db.catalog.objects import Key

# Kinds that hold no data and hang on others, or are read through: they go first.
HANGING = {
    *("policy", "trigger", "rule", "view", "constraint", "index", "statistics"),
    *("default_acl", "cast"),
}
# What the server itself rebuilds with a column of another type.
_REBUILT = {"constraint", "index", "statistics", "column", "table"}


class Repair:
    """
    The way from what is found to what is expected.

    Args: edges: of what is expected, and of what is found.
    """

    def __init__(
        self, work: Altering, edges: tuple[Edges, Edges], found: Sequence[Difference]
    ) -> None:
        self._work = work
        self._expected, self._found = work.expected.catalog, work.found
        self._planned, self._there = edges
        self._users = reverse(self._there)
        self._make: set[Key] = set()
        self._remade: set[Key] = set()
        self._alter: dict[Key, Alteration] = {}
        extra = {one.key for one in found if one.state == "extra"}
        self._drop = {k for k in extra if not extra & {*inherited(k, self._found)}}
        self._careful = Careful(work, extra)
        self._kept: set[Key] = set()
        self._unmade: set[Key] = set()
        self._calling: set[Key] = set()
        self._sort(found)

    def steps(self) -> list[Step]:
        """Return all that is to be done, in its order."""
        before = [*self._undefaulted()]
        made = [*self._upwards()]
        # What cannot be made again is not dropped either.
        left = {one.key for one in made if one.withheld and not one.statements}
        hanging = {key for key in self._drop if key.kind in HANGING}
        first = hanging | (self._remade - left)
        downwards = map(self._dropped, self._downwards(first))
        last = map(self._dropped, self._downwards(self._drop - hanging))
        return [*before, *downwards, *made, *last]

    def _sort(self, found: Sequence[Difference]) -> None:
        """Sort out what is altered, what is made, and what is made again."""
        retyped: set[Key] = set()
        for one in found:
            if one.state == "missing":
                self._make |= {one.key, *one.parts}
            elif one.state == "differs":
                done = self._work.alters(one)
                if done.remake:
                    self._remade.add(self._whole(one.key))
                else:
                    self._alter[one.key] = done
                if done.retyped:
                    retyped.add(one.key)
        self._spread(retyped)
        self._make |= self._remade

    def _spread(self, retyped: set[Key]) -> None:
        """Add to what is made again all that stands on it, or on a retyped column."""
        left = [*self._remade, *retyped]
        while left:
            key = left.pop()
            for other in self._users.get(key, ()):
                if key in retyped and other.kind in _REBUILT:
                    continue
                if key in parents(other, self._found):
                    left.append(other)  # such as the index of a key, which others need
                elif other.kind == "column":
                    self._calling.add(other)
                elif other in self._expected and self._again(other):
                    self._remade.add(other)
                    left.append(other)

    def _again(self, key: Key) -> bool:
        """Tell whether an object can be made again, and nobody said so yet."""
        hangs = key.kind in HANGING or key.kind == "function"
        return hangs and key not in self._remade

    def _whole(self, key: Key) -> Key:
        """Return the constraint of an index that is one's."""
        found = [p for p in parents(key, self._found) if p.kind == "constraint"]
        return found[0] if found else key

    def _undefaulted(self) -> Iterator[Step]:
        """Yield what takes the defaults away that call what is made again."""
        for key in sorted(self._calling):
            table, word = split(key.name)
            alter = f"alter table {table} alter column {word}"
            yield Step(key, (f"{alter} drop default",))
            facts = self._expected.get(key, {})
            if "default" in facts:
                done = self._alter.setdefault(key, Alteration())
                done.statements.append(f"{alter} set default {facts['default']}")

    def _upwards(self) -> Iterator[Step]:
        """Yield what alters and makes objects, each after what it stands on."""
        making = self._work.expected
        made = {key for key in self._make if not making.inside(key, self._make)}
        keys = made | self._alter.keys()
        for key in ordered(keys, lifted(self._planned, keys, self._expected)):
            if key in made:
                step = self._careful.made(key)
            else:
                done = self._alter[key]
                step = Step(key, tuple(done.statements), done.note, (*done.withheld,))
                self._kept |= {key} if done.note else set()
            if self._unmade and step.statements and (base := self._lacking(key)):
                note = f"{base} has to be there first"
                step = Step(key, (), note, step.statements)
            if step.withheld or (key in made and not step.statements):
                self._unmade.add(key)
            if step.statements or step.note:
                yield step
        for key in sorted(made - self._unmade):
            if key.kind == "sequence" and "owned_by" in self._expected[key]:
                column = self._expected[key]["owned_by"]
                yield Step(key, (f"alter sequence {key.name} owned by {column}",))

    def _lacking(self, key: Key) -> Key | None:
        """Return what an object stands on, and could not be made."""
        for base in sorted(reach([key], self._planned) | {key}):
            for one in (base, *parents(base, self._expected)):
                if one in self._unmade:
                    return one
        return None

    def _downwards(self, keys: Collection[Key]) -> list[Key]:
        """Return objects of the target, each before what it stands on."""
        found = [*ordered(keys, lifted(self._there, keys, self._found))]
        return found[::-1]

    def _dropped(self, key: Key) -> Step:
        """Return the step that drops an object, unless what is kept needs it."""
        step = self._careful.dropped(key)
        extra = key in self._drop
        if extra and step.statements and (still := self._in_use(key)):
            step = Step(key, (), f"{still} still needs it", step.statements[-1:])
        if step.note:
            self._kept.add(key)
        return step

    def _in_use(self, key: Key) -> Key | None:
        """Return what stands on an object, and is left to a person itself."""
        for other in sorted(reach([key], self._users)):
            if any(one in self._kept for one in (other, *parents(other, self._found))):
                return other
        return None
