"""Twins: both tools, warm, and pairs of a directory and a database for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sample_projects import PLAN, fill, plan
from twins import Pair, Side, Tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from warm import Warm


@pytest.fixture(scope="session")
def tools(sqitch: str, oracle: Warm) -> Iterator[Tools]:
    """Provide both tools, warm."""
    found = Tools(sqitch, oracle)
    yield found
    found.close()


@pytest.fixture
def new_pair(
    tools: Tools, tmp_path: Path, fresh_dsn: Callable[[], str]
) -> Iterator[Callable[..., Pair]]:
    """Provide a maker of pairs: of new databases, or of those of another pair."""
    made: list[Pair] = []

    def make(other: Pair | None = None, registry: str = "sqitch") -> Pair:
        sides = []
        for name in ("ours", "theirs"):
            folder = tmp_path / str(len(made)) / name
            folder.mkdir(parents=True)
            dsn = getattr(other, name).dsn if other else fresh_dsn()
            sides.append(Side(folder, dsn, registry))
        made.append(Pair(tools, *sides))
        return made[-1]

    yield make
    for pair in made:
        pair.close()


@pytest.fixture
def pair(new_pair: Callable[[], Pair]) -> Pair:
    """Provide one pair of new databases."""
    return new_pair()


@pytest.fixture
def six(pair: Pair) -> Pair:
    """Provide six changes, three tags, and scripts that fail when asked to."""
    pair.write("sqitch.plan", plan(PLAN))
    fill(pair, "a b c d e f")
    return pair


@pytest.fixture
def two(six: Pair, new_pair: Callable[..., Pair]) -> tuple[Pair, Pair]:
    """Provide the six changes and a second project on the same databases."""
    other = new_pair(six)
    fill(other, "x y", "other")
    return six, other
