"""Worlds in which the planner chooses as it does in large ones; nothing changes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from plan_shapes import Observer
from shape_queries import QUERIES, UNANALYZED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fix_proof import Clones
    from plan_shapes import Shape
    from shape_queries import Query

SHAPES = Path(__file__).with_name("shapes.sql")
WORLDS = {"before ANALYZE": UNANALYZED, "after ANALYZE": QUERIES}


@dataclass
class Seen:
    """The shapes of all queries in one world, for custom and for generic plans."""

    observer: Observer
    queries: dict[str, Query]
    shapes: dict[str, dict[str, Shape]] = field(default_factory=dict)


@dataclass
class Worlds:
    """The worlds of a module, each made when it is first asked for."""

    clones: Clones
    made: dict[str, Observer] = field(default_factory=dict)

    def get(self, name: str) -> Observer:
        """Return an observer of one of the worlds."""
        if name not in self.made:
            connection = psycopg.connect(self.clones.make(), autocommit=True)
            connection.execute(SHAPES.read_bytes())
            connection.execute("reset session_replication_role")
            if name == "after ANALYZE":
                connection.execute("analyze")
            self.made[name] = Observer(connection)
        return self.made[name]


@pytest.fixture(scope="module")
def worlds(clones: Clones) -> Iterator[Worlds]:
    """Provide the worlds."""
    worlds = Worlds(clones)
    yield worlds
    for observer in worlds.made.values():
        observer.connection.close()


@pytest.fixture(scope="module")
def observer(worlds: Worlds) -> Observer:
    """Provide an observer of the analyzed world, where PostgreSQL chooses as it likes."""
    return worlds.get("after ANALYZE")


@pytest.fixture(scope="module", params=WORLDS)
def seen(worlds: Worlds, request: pytest.FixtureRequest) -> Seen:
    """Provide the shapes of all queries, before and after ANALYZE."""
    found = Seen(worlds.get(request.param), WORLDS[request.param])
    for mode in ("force_custom_plan", "force_generic_plan"):
        forced = f"set local plan_cache_mode = {mode}"
        found.shapes[mode] = {
            name: found.observer.see(
                query.who, query.text, query.arguments, before=[forced]
            )
            for name, query in found.queries.items()
        }
    return found
