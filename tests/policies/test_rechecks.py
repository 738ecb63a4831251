"""
Who waits for a row may do to it what v1.0.0 let them do, at each level of isolation.

A statement that waited is judged again by the row as it has become; the parents that a
policy has looked up stay as the statement began. Both releases run side by side.
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest

from fix_database import _login
from learnplan_db.engine import runner, session, state
from learnplan_db.settings import config
from rechecks import ASKED, HOLDS, LEVELS, Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = list(itertools.product(LEVELS, HOLDS, ASKED))


@pytest.fixture
def pairs(admin_dsn: str, database: str) -> Iterator[tuple[Pair, Pair]]:
    """Provide the sessions on a database at v1.0.0, and those on one of the whole plan."""
    with session.connect(database) as owner:
        runner.deploy(owner, state.load(config.project_root(None)), to="@v1.0.0")
    made = [
        Pair(dsn, _login(dsn, "learnplan_login_app", "anon, authenticated"))
        for dsn in (database, admin_dsn)
    ]
    yield made[0], made[1]
    for pair in made:
        pair.close()


def differing(
    pairs: tuple[Pair, Pair], cases: list[tuple[str, str, str]]
) -> list[tuple[str, str, str]]:
    """Return the cases in which the two releases do not tell or leave the same."""
    return [
        (level, held, asked)
        for level, held, asked in cases
        if pairs[0].play(level, HOLDS[held], asked)
        != pairs[1].play(level, HOLDS[held], asked)
    ]


def test_who_waited_may_do_the_same_as_before(pairs: tuple[Pair, Pair]) -> None:
    """A sample of all cases, half of which wait for the other session (threat 72)."""
    sample = random.Random(6).sample(CASES, 40)  # noqa: S311 - the same every time
    assert [] == differing(pairs, sample)
    assert pairs[0].waited == pairs[1].waited > 10


@pytest.mark.long
def test_who_waited_may_do_the_same_as_before_in_all(pairs: tuple[Pair, Pair]) -> None:
    """All cases."""
    assert [] == differing(pairs, CASES)
    assert pairs[0].waited == pairs[1].waited > len(CASES) // 4


BROKEN = {
    "whose task it is does not count": (
        "drop policy tasks_update_authenticated on learnplan.tasks;"
        " create policy tasks_update_authenticated on learnplan.tasks for update"
        " to authenticated using (true) with check (true)",
        "update learnplan.tasks set title = 'mine'",
    ),
    "a parent that cannot be read": (
        "drop policy modules_select_authenticated on learnplan.modules",
        "select id from learnplan.tasks order by id for update",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_another_policy_is_noticed(
    pairs: tuple[Pair, Pair], how: str, admin_dsn: str
) -> None:
    """The control: policies that differ are told apart (threat 72)."""
    broken, asked = BROKEN[how]
    with session.connect(admin_dsn) as owner:
        owner.execute(broken.encode())
    case = ("read committed", "all touched", asked)
    assert [case] == differing(pairs, [case])
