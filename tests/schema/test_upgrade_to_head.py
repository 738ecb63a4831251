"""The packaged plan itself upgrades what v1.0.0 left behind, while an application works."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from fix_race import start
from fix_traffic import Rows, live_of, populate
from learnplan_db import errors
from learnplan_db.engine import runner, session, state, verification
from learnplan_db.settings import config
from snapshots import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fix_database import TestServer
    from fix_traffic import Live, Traffic

BASE = "v1.0.0"
LIMIT = session.TABLE_LOCK_TIMEOUT + 3  # seconds: a busy machine may add some
MORE = 100  # transactions between two upgrades


@pytest.fixture
def first_release(server: TestServer, learnplan_noproc: Any) -> Iterator[Live]:
    """Provide a database with rows at v1.0.0, as its first users have it."""
    with populate(server, f"@{BASE}") as made:
        yield live_of(*made)


def work_goes_on(traffic: Traffic) -> None:
    """Wait until the application has done some more."""
    done, end = sum(traffic.counts.values()), time.monotonic() + 60
    while sum(traffic.counts.values()) < done + MORE:
        assert time.monotonic() < end, (traffic.counts, traffic.longest, traffic.wrong)
        time.sleep(0.02)


def run(live: Live, *command: str) -> str:
    """Run a command of ours as the owner, to its good end."""
    name, *more = command
    process = start("ours", config.project_root(None), name, live.owner, *more)
    out, err = process.communicate(timeout=120)
    assert 0 == process.returncode, (out, err)
    return out


def catalog(live: Live) -> list[str]:
    """Return the catalog as lines."""
    with psycopg.connect(live.admin) as looking:
        return snapshot(looking)


def failures(live: Live) -> Any:
    """Return what the verify scripts of the whole plan find."""
    with session.connect(live.owner) as connection:
        project = state.load(config.project_root(None))
        return verification.verify(connection, project).failures


def test_upgrade_from_the_first_release_under_traffic(
    first_release: Live, record_testsuite_property: Callable[..., None]
) -> None:
    """
    Up, back and up again: no error, no wrong answer, no long wait, no row lost.

    What v1.0.0 made is there again after the revert, line by line; nothing is lost by
    it, so nobody has to allow a loss.
    """
    rows, before = Rows(first_release.admin), catalog(first_release)
    with first_release.traffic() as traffic:
        work_goes_on(traffic)
        run(first_release, "deploy")
        work_goes_on(traffic)
        after = catalog(first_release)
        assert () == failures(first_release)
        run(first_release, "revert", "-y", "--to", f"@{BASE}")
        work_goes_on(traffic)
        assert before == catalog(first_release)
        run(first_release, "deploy")
        work_goes_on(traffic)
    assert before != after == catalog(first_release)
    record_testsuite_property("longest statement to HEAD", traffic.longest)
    assert [] == traffic.wrong
    assert traffic.longest[0] <= LIMIT, traffic.longest
    assert [] == rows.faults(traffic.rows())


def test_older_plan_reverts_no_rework(database: str, tmp_path: Path) -> None:
    """
    Its script of that name takes back the first version: row security would be gone.

    The refusal says what to use instead; the plan that made the rework reverts it.
    """
    here, root = config.project_root(None), tmp_path / "older"
    shutil.copytree(here / "sql", root / "sql")
    shutil.copy(here / "sqitch.conf", root)
    newer, plan = state.load(here), root / "sql" / "sqitch.plan"
    text = plan.read_text()
    plan.write_text(text[: text.index("\n", text.index(f"@{BASE} "))] + "\n")
    with session.connect(database) as owner:
        runner.deploy(owner, newer)
        made = snapshot(owner)
        with pytest.raises(errors.RegistryError, match="policy_users") as refused:
            runner.revert(owner, state.load(root), to="function_current_user_id@HEAD")
        assert "use the plan that was deployed, a newer one" in (
            refused.value.fix or ""
        )
        assert made == snapshot(owner)
        runner.revert(owner, newer, to="function_current_user_id@HEAD")
        assert made != snapshot(owner)
