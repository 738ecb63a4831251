"""Both tools started at once: each change is deployed exactly once, and nobody fails."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from fix_race import faults, run, start
from learnplan_db.engine import runner, session, state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# How far the project is deployed when the race begins, and the events it must end with.
STARTS = {"empty": None, "half": "a", "up to date": "c"}
ROUNDS = list(itertools.product(STARTS, (True, False)))
# Perl and Python need about half a second to start: around it the races are close.
JITTER = (0.0, 0.05, 0.15, 0.3, 0.45, 0.6)


def race(
    sqitch: str, project: Path, dsn: str, *, ours_first: bool, pause: float
) -> list[str]:
    """Start one of each tool, the second after a pause; return what went wrong."""
    tools = ["ours", sqitch] if ours_first else [sqitch, "ours"]
    racers = []
    for tool in tools:
        racers.append(start(tool, project, "deploy", dsn))
        time.sleep(pause if len(racers) == 1 else 0)
    said = [racer.communicate(timeout=60) for racer in racers]
    wrong = [
        f"{tool}: exit code {racer.returncode}, {err}"
        for tool, racer, (_, err) in zip(tools, racers, said, strict=True)
        if racer.returncode or err
    ]
    with psycopg.connect(dsn, autocommit=True) as admin:
        wrong += faults(admin)
        events = "select event, change from sqitch.events order by committed_at"
        found = admin.execute(events).fetchall()
        if found != [("deploy", name) for name in "abc"]:
            wrong.append(f"events {found}")
        releases = admin.execute("select version::text from sqitch.releases").fetchall()
        if releases != [("1.1",)]:
            wrong.append(f"releases {releases}")
        held = "select pid from pg_locks where locktype = 'advisory'"
        wrong += [f"lock held by {row}" for row in admin.execute(held)]
    return wrong


def begin(project: Path, dsn: str, through: str | None) -> None:
    """Deploy a part of the project before the race."""
    if through:
        with session.connect(dsn) as connection:
            runner.deploy(connection, state.load(project), to=through)


@pytest.mark.parametrize(("deployed", "ours_first"), ROUNDS)
def test_simultaneous_start(
    sqitch: str, project: Path, database: str, *, deployed: str, ours_first: bool
) -> None:
    """
    Both exit with 0 and say no error; the registry is as one tool would leave it.

    Sqitch takes its lock before it looks whether there is a registry, so its own
    start is free of races too: no other outcome is allowed.
    """
    begin(project, database, STARTS[deployed])
    wrong = race(sqitch, project, database, ours_first=ours_first, pause=0.1)
    assert [] == wrong


@pytest.mark.long
@pytest.mark.parametrize(("deployed", "ours_first"), ROUNDS)
def test_simultaneous_start_again_and_again(
    sqitch: str,
    project: Path,
    fresh_dsn: Callable[[], str],
    *,
    deployed: str,
    ours_first: bool,
) -> None:
    """The same with pauses from none to longer than either needs to start."""
    wrong = {}
    for pause in JITTER * 2:
        dsn = fresh_dsn()
        begin(project, dsn, STARTS[deployed])
        found = race(sqitch, project, dsn, ours_first=ours_first, pause=pause)
        if found:
            wrong[pause] = found
    assert {} == wrong


def test_storm_of_our_own(project: Path, database: str) -> None:
    """Six of ours on an empty database: one deploys, five are told it is done."""
    racers = [start("ours", project, "deploy", database) for _ in range(6)]
    said = [racer.communicate(timeout=60) for racer in racers]
    assert [0] * 6 == [racer.returncode for racer in racers], said
    assert 5 == sum("Nothing to deploy (up-to-date)" in out for out, _ in said)
    with psycopg.connect(database, autocommit=True) as admin:
        assert [] == faults(admin)


def test_deploy_and_revert_at_once(sqitch: str, project: Path, database: str) -> None:
    """One reverts while the other deploys: whoever is second finds a whole database."""
    assert 0 == run("ours", project, "deploy", database).returncode
    for first, second in (("ours", sqitch), (sqitch, "ours")):
        reverting = start(first, project, "revert", database, "-y")
        deploying = start(second, project, "deploy", database)
        said = [racer.communicate(timeout=60) for racer in (reverting, deploying)]
        assert [0, 0] == [reverting.returncode, deploying.returncode], said
        with psycopg.connect(database, autocommit=True) as admin:
            assert [] == faults(admin)
        assert 0 == run("ours", project, "deploy", database).returncode
