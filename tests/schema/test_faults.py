"""
A deploy and a revert struck at every boundary: the next one completes, by itself.

LEARNPLAN_FAULTS_SEED chooses what the quick sample strikes.
"""

from __future__ import annotations

import os
import random
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest

from fix_faults import ROOT
from learnplan_db.engine import session
from learnplan_db.plans.plan import parse
from old_registries import TO_0, TO_1_0
from strikes import faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fix_faults import Run, Walk
    from strikes import Fault

pytestmark = pytest.mark.usefixtures("counted")
SEED = os.environ.get("LEARNPLAN_FAULTS_SEED", "1")
PLAN = parse((ROOT / "sql" / "sqitch.plan").read_bytes(), "sqitch.plan")
CHANGES = range(1, len(PLAN.changes) + 1)


def chance(*key: object) -> random.Random:
    """Return what makes the choices of one test, the same for the same seed."""
    return random.Random("-".join(map(str, (SEED, *key))))  # noqa: S311 - repeatable


def some(found: Sequence[Fault], run: Run, by: random.Random, n: int) -> list[Fault]:
    """Return n faults, each way and moment as likely as any other; all, if n is 0."""
    groups: dict[tuple[str, str], list[Fault]] = {}
    for fault in found:
        groups.setdefault((fault.way, fault.moment(run.points)), []).append(fault)
    chosen = [by.choice(by.choice(list(groups.values()))) for _ in range(n)]
    return chosen or list(found)


class Trip:
    """The deploy and the revert of one change."""

    def __init__(self, walk: Walk, k: int) -> None:
        self.walk, self.k = walk, k
        states, name = walk.states[k - 1 : k + 1], [walk.names[k - 1]]
        walk.deploy(k - 1)
        self.up = walk.rehearse("deploy", k, states, name)
        self.down = walk.rehearse("revert -y", k - 1, states[::-1], name)

    def strike(self, ups: Sequence[Fault], downs: Sequence[Fault]) -> None:
        """Strike deploy and revert by turns."""
        for up, down in zip_longest(ups, downs):
            if up:
                self.walk.strike(self.up, up)
            else:
                self.walk.deploy(self.k)
            if down:
                self.walk.strike(self.down, down)
            else:
                self.walk.deploy(self.k - 1)

    def sample(self, by: random.Random, ups: int, downs: int, *ways: str) -> None:
        """Strike here and there."""
        self.strike(
            some(faults(self.up.units, *ways), self.up, by, ups),
            some(faults(self.down.units, *ways), self.down, by, downs),
        )


@pytest.mark.parametrize(
    "part",
    [p if p in {0, 6} else pytest.param(p, marks=pytest.mark.gate) for p in range(10)],
)
def test_sampled_faults(walk: Walk, part: int) -> None:
    """Struck anywhere, a change is there with its rows, or nothing of it is."""
    by = chance("change", part)
    for k in by.sample(range(1, len(walk.names) + 1), 2):
        Trip(walk, k).sample(by, 7, 6)


@pytest.mark.long
@pytest.mark.parametrize("k", CHANGES, ids=[change.name for change in PLAN.changes])
def test_every_fault(walk: Walk, k: int) -> None:
    """Struck everywhere; where the engine is by itself, for the first change alone."""
    trip, own = Trip(walk, k), k == 1
    trip.strike(faults(trip.up.units, own=own), faults(trip.down.units, own=own))


@pytest.mark.parametrize("n", [3, pytest.param(100, marks=pytest.mark.long)])
def test_vanished_client(walk: Walk, n: int) -> None:
    """
    The client is gone, and its system or the network cannot say so.

    The server ends the session, which holds Sqitch's lock, and the next run goes on.
    """
    by = chance("vanish", n)
    Trip(walk, by.randrange(len(walk.names)) + 1).sample(by, n, n, "vanish")


@pytest.mark.parametrize(
    "command",
    [pytest.param("deploy", marks=pytest.mark.gate), "deploy --verify", "revert -y"],
)
@pytest.mark.parametrize("n", [3, pytest.param(60, marks=pytest.mark.long)])
def test_whole_run(walk: Walk, command: str, n: int) -> None:
    """Struck in the middle of the plan: what was committed stays, the rest follows."""
    by, last = chance(command, n), len(walk.names)
    start, end, step = (last, 0, -1) if command == "revert -y" else (0, last, 1)
    walk.deploy(start)
    run = walk.rehearse(command, end, walk.states[::step], walk.names[::step])
    assert last == len(run.points)
    for fault in some(faults(run.units), run, by, n):
        walk.deploy(start)
        walk.strike(run, fault)


@pytest.fixture
def nothing(walk: Walk) -> Iterator[None]:
    """Take the registry away, and bring it back."""
    walk.deploy(0)
    walk.forget()
    yield
    walk.forget()
    walk.begin()


@pytest.mark.parametrize(
    "n",
    [
        3,
        pytest.param(8, marks=pytest.mark.gate),
        pytest.param(0, marks=pytest.mark.long),
    ],
)
def test_first_deploy(walk: Walk, nothing: None, n: int) -> None:
    """Struck while it creates the registry: there is a whole one, or none."""
    by, project = chance("first", n), walk.project
    states = [walk.describe()]
    with session.connect(walk.cluster.server.dsn()) as connection:
        registry = project.registry(connection)
        registry.create(project.committer)
        states.append(walk.describe())
        registry.register(project.plan, project.committer)
        states.append(walk.describe())
    walk.deploy(1)
    states.append(walk.describe())
    walk.forget()
    run = walk.rehearse("deploy", 1, states, ())
    assert len(states) - 1 == len(run.points)
    for fault in some(faults(run.units, gate=False), run, by, n):
        walk.forget()
        walk.strike(run, fault)


@pytest.mark.parametrize(
    "n",
    [
        3,
        pytest.param(8, marks=pytest.mark.gate),
        pytest.param(0, marks=pytest.mark.long),
    ],
)
def test_upgrade(walk: Walk, nothing: None, n: int) -> None:
    """Struck while it brings a registry of version 0 up to date: each step is whole."""
    by, project = chance("upgrade", n), walk.project

    def age() -> None:
        walk.forget()
        walk.deploy(2)
        walk.cluster.look().execute((TO_1_0 + TO_0).encode())

    age()
    with session.connect(walk.cluster.server.dsn()) as connection:
        registry = project.registry(connection)
        states = [walk.describe() for _ in registry.upgrade(0, project.committer)]
        states.append(walk.describe())
        scripts, changes = project.scripts, project.plan.changes
        hashes = {change.id: scripts.script_hash(change) for change in changes}
        registry.adopt_hashes(project.plan, hashes)
        states.append(walk.describe())
    walk.deploy(3)
    states.append(walk.describe())
    age()
    run = walk.rehearse("deploy", 3, states, ())
    assert len(states) - 1 == len(run.points)
    for fault in some(faults(run.units, gate=False), run, by, n):
        age()
        walk.strike(run, fault)


CONCURRENT = ("deploy", 2), ("revert -y", 1), ("deploy", 3), ("revert -y", 2)


@pytest.mark.parametrize("n", [3, pytest.param(0, marks=pytest.mark.long)])
@pytest.mark.parametrize(("command", "k"), CONCURRENT)
def test_script_without_transaction(
    concurrent: Walk, command: str, k: int, n: int
) -> None:
    """Struck while it builds an index or drops one: the next run completes it."""
    walk, by = concurrent, chance(command, k, n)
    before = k - 1 if command == "deploy" else k + 1
    walk.deploy(before)
    run = walk.rehearse(command, k, walk.states[k : k + 1], ())
    # Of the other transactions some have nothing to write, and are not held.
    held, last = {"", "table"}, run.points[-1]
    found = [f for f in faults(run.units) if f.hold in held or f.place.number == last]
    for fault in some(found, run, by, n):
        walk.deploy(before)
        walk.strike(run, fault)
