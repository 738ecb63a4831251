"""
Rows that are really there, for who may only read: few of many, all of few.

Read as somebody who sees them all, in the caller's transaction, which shows one moment
only. Each row comes with those that it belongs to, so that the reference model can
judge it. May import errors, nouns and statements; never writes.
Source: docs/proving.md, "Only reading".
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from learnplan_db.proof.nouns import KEYS, TABLES, VIEWS, Row, World
from learnplan_db.proof.statements import SCHEMA, VIEW_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Ask = Callable[..., list[tuple[Any, ...]]]

WHOLE = 500  # rows of a table that is read to its end
START = 25  # rows of a table to begin with
PLANS = 12  # plans of whoever has many
EACH = 3  # rows of each table below one row
LOOK = 400  # plans among which an owner of many is looked for
# What the model and the callers' tokens need to know.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "users": ("clerk_user_id",),
    "learning_plans": ("user_id", "visibility"),
    "modules": ("plan_id",),
    "tasks": ("module_id",),
    "resources": (),
    "task_resources": ("task_id", "resource_id"),
    "task_progress": ("task_id", "user_id", "status"),
    "plan_generations": ("plan_id",),
}


@dataclass(frozen=True, slots=True)
class Living(World):
    """A world whose rows are found by id at once; their words are their ids."""

    index: Mapping[str, dict[str, Row]] = field(default_factory=dict)

    def of(self, table: str) -> dict[str, Row]:
        """Return the rows of a table by their word."""
        return self.index.get(table, {})

    def find(self, table: str, word: object) -> Row | None:
        """Return one row, or None."""
        return self.index.get(table, {}).get(str(word))


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that were read; ``whole`` are the tables with no others."""

    world: Living
    whole: frozenset[str]
    heavy: str | None

    def all_of(self, table: str) -> bool:
        """Tell whether every row of a table or view was read."""
        return VIEW_ROWS.get(table, table) in self.whole

    def orphans(self) -> dict[tuple[str, str], set[str]]:
        """Return rows of which a parent was not to be read, by table and parent's."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in self.world.rows:
            for column, parent in KEYS[row.table].items():
                if not self.world.find(parent, row.values[column]):
                    found[row.table, parent].add(row.id)
        return found

    def sizes(self) -> dict[str, tuple[int, bool]]:
        """Return by table how many rows were read, and whether these are all."""
        kept = {name: VIEW_ROWS.get(name, name) for name in (*TABLES, *VIEWS)}
        return {
            name: (len(self.world.of(table)), table in self.whole)
            for name, table in kept.items()
        }


def take(ask: Ask, seed: int) -> Sample:
    """Return a sample; the same seed takes the same rows of the same database."""
    sampler = _Sampler(ask, seed)
    for table in TABLES:
        sampler.start(table)
    return sampler.finish(sampler.spread())


class _Sampler:
    """The rows read so far, by table and id."""

    def __init__(self, ask: Ask, seed: int) -> None:
        self.ask = ask
        self.random = random.Random(seed)  # noqa: S311 - a choice that can be made again
        self.rows: dict[str, dict[str, Row]] = defaultdict(dict)
        self.whole: set[str] = set()

    def start(self, table: str) -> None:
        """Read a table to its end if it is small, else some rows from anywhere."""
        rows = self._read(table, f"{_selected(table)} limit {WHOLE + 1}")
        if len(rows) <= WHOLE:
            self.whole.add(table)
            self._keep(rows)
        else:
            self._keep(self._anywhere(table, START))

    def spread(self) -> str | None:
        """Read what is below the plans and users at hand; return who has many plans."""
        users = list(self.rows["users"])
        seen = self._anywhere("learning_plans", LOOK)
        counted = Counter(row.values["user_id"] for row in seen)
        heavy = max(sorted(counted), key=lambda user: counted[user], default=None)
        self._below("learning_plans", "user_id", users, EACH)
        if heavy:
            self._below("learning_plans", "user_id", [heavy], PLANS)
        self._below("task_progress", "user_id", users, EACH)
        for table in ("modules", "tasks", "task_resources", "task_progress"):
            column, parent = next(iter(KEYS[table].items()))
            self._below(table, column, list(self.rows[parent])[: 8 * START], EACH)
        plans = list(self.rows["learning_plans"])
        self._below("plan_generations", "plan_id", plans, EACH)
        return heavy

    def finish(self, heavy: str | None) -> Sample:
        """Read all that the rows belong to, children before parents."""
        for table in reversed(TABLES):
            for column, parent in KEYS[table].items():
                wanted = {str(r.values[column]) for r in self.rows[table].values()}
                missing = sorted(wanted - set(self.rows[parent]))
                where = f"{_selected(parent)} where t.id = any (%s::uuid[])"
                if missing:
                    self._keep(self._read(parent, where, missing))
        rows = [row for table in TABLES for row in self.rows[table].values()]
        world = Living(tuple(rows), dict(self.rows))
        return Sample(world, frozenset(self.whole), heavy)

    def _anywhere(self, table: str, count: int) -> list[Row]:
        """Return rows that follow a random id; ids are random, and wrap around."""
        pivot = UUID(int=self.random.getrandbits(128))
        half = "({0} where t.id {1} %s order by t.id limit {2})"
        texts = [half.format(_selected(table), sign, count) for sign in (">=", "<")]
        return self._read(table, " union all ".join(texts), pivot, pivot)[:count]

    def _below(
        self, table: str, column: str, parents: Sequence[str], count: int
    ) -> None:
        """Read some rows of each of these parents, unless all are known."""
        if table in self.whole or not parents:
            return
        query = (
            "select c.* from pg_catalog.unnest(%s::uuid[]) as p (id) cross join lateral"
            f" ({_selected(table)} where t.{column} = p.id limit {count})"
            " as c"
        )
        self._keep(self._read(table, query, list(parents)))

    def _read(self, table: str, query: str, *values: object) -> list[Row]:
        found = []
        for key, *rest in self.ask(query, *values):
            named = zip(COLUMNS[table], rest, strict=True)
            given = {name: _word(value) for name, value in named}
            found.append(Row(table, str(key), given))
        return found

    def _keep(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.rows[row.table].setdefault(row.id, row)


def _selected(table: str) -> str:
    columns = ", ".join(f"t.{name}" for name in ("id", *COLUMNS[table]))
    return f"select {columns} from {SCHEMA}.{table} as t"


def _word(value: object) -> object:
    return str(value) if isinstance(value, UUID) else value
