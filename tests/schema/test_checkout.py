"""Checkout beside Sqitch's: git branches whose plans part, words in any order."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from fix_tools import program
from sample_projects import PLAN, plan

if TYPE_CHECKING:
    from twins import Pair

pytestmark = pytest.mark.gate

WHO = ("-c", "user.name=x", "-c", "user.email=x@example.org")
FEATURE = PLAN.split("e 2026")[0] + "g 2026-02-01T00:00:00Z {by} # On the branch.\n"


def git(pair: Pair, *argv: str) -> list[str]:
    """Run git in both directories; return what it printed."""
    return [
        subprocess.run(
            ["git", *WHO, *argv],  # noqa: S607 - whichever is there
            cwd=side.directory,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for side in (pair.ours, pair.theirs)
    ]


@pytest.fixture
def branches(six: Pair) -> Pair:
    """Provide six changes deployed on main, and a branch that parts after d."""
    program("git")
    six.write(".gitignore", "sqitch.conf\n")
    for words in ("init -q -b main", "add .", "commit -qm one", "checkout -qb feature"):
        git(six, *words.split())
    six.write("sqitch.plan", plan(FEATURE))
    six.write("deploy/g.sql", "create table t_g (i int);\n")
    six.write("revert/g.sql", "drop table t_g;\n")
    for words in ("add .", "commit -qm two", "checkout -q main"):
        git(six, *words.split())
    assert 0 == six.run("deploy").code
    return six


@pytest.mark.parametrize(
    "words",
    ["feature -y", "-y feature here", "here -y feature", "-t here feature -y"],
)
def test_branch_and_target_in_any_order(branches: Pair, words: str) -> None:
    """The word that is no target is the branch."""
    assert 0 == branches.run("checkout", *words.split()).code
    assert ["feature", "feature"] == git(branches, "branch", "--show-current")
    assert 0 == branches.run("checkout", "-y", "main").code
    assert ["main", "main"] == git(branches, "branch", "--show-current")


@pytest.mark.parametrize(
    "words", ["nope", "", "here", "feature extra", "main", "nope here", "here here"]
)
def test_a_checkout_that_cannot_be_changes_nothing(branches: Pair, words: str) -> None:
    """No branch, one unknown word too many, or the branch that we are on."""
    assert branches.run("checkout", "-y", *words.split()).code in {1, 2}
    assert ["main", "main"] == git(branches, "branch", "--show-current")
    assert 6 == len(branches.ours.rows()["changes"])


@pytest.mark.parametrize("damage", ["script", "edited"])
def test_checkout_looks_before_it_reverts(branches: Pair, damage: str) -> None:
    """
    A script that cannot run on the branch, or an edit that git would lose.

    Sqitch reverts first, and leaves the database behind (docs/sqitch.md).
    """
    side = branches.ours
    if damage == "script":
        git(branches, "checkout", "-q", "feature")
        branches.write("deploy/g.sql", "\\! true\n")
        git(branches, "commit", "-qam", "three")
        git(branches, "checkout", "-q", "main")
    else:
        branches.write("sqitch.plan", plan(PLAN) + "# An edit.\n")
    before = side.rows()
    done = branches.tools.run("ours", side, "checkout", "-y", "feature")
    assert (2, before) == (done.code, side.rows()), done
    assert ["main", "main"] == git(branches, "branch", "--show-current")
    told = 'use "--client psql"' if damage == "script" else "sqitch.plan"
    assert told in done.err
