"""Both tools by turns: whatever they are asked, nobody can tell which one did it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from fix_tools import some
from walker import Walker

if TYPE_CHECKING:
    from collections.abc import Callable

    from twins import Pair

SEED = os.environ.get("LEARNPLAN_WALK_SEED", "1")


@pytest.fixture
def walker(new_pair: Callable[[], Pair]) -> Callable[[str], Walker]:
    """Provide a maker of walkers on two new databases."""
    return lambda seed: Walker(new_pair(), seed)


@pytest.mark.parametrize("part", some(range(4)))
def test_walk(walker: Callable[[str], Walker], part: int) -> None:
    """50 random steps: exit codes, output, registry and catalog as with sqitch alone."""
    found = walker(f"{SEED}-{part}")
    for _ in range(50):
        found.step()
    assert {0, 2} <= {code for _, code in found.codes}, found


@pytest.mark.long
@pytest.mark.parametrize("part", range(4, 24))
def test_long_walk(walker: Callable[[str], Walker], part: int) -> None:
    """2,000 steps more."""
    found = walker(f"{SEED}-{part}")
    for _ in range(100):
        found.step()
