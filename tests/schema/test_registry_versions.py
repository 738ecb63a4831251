"""
Registries of other versions: upgraded as Sqitch does, or refused.

They are made by SQL from a current one, so that both tools find the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from old_registries import TO_0, TO_1_0
from sample_projects import second
from twins import masked

if TYPE_CHECKING:
    from twins import Pair

pytestmark = pytest.mark.gate


@pytest.mark.parametrize("downgrade", [TO_1_0, TO_1_0 + TO_0], ids=["1.0", "0"])
@pytest.mark.parametrize("command", ["upgrade", "deploy", "deploy --to c", "revert -y"])
def test_registry_of_an_older_version(
    two: tuple[Pair, Pair], downgrade: str, command: str
) -> None:
    """Older registries are upgraded with Sqitch's names, comments and rows."""
    first, other = two
    second(other, "rows:a")
    assert 0 == first.run("deploy", "--to", "c").code
    assert 0 == other.run("deploy").code
    first.execute(downgrade)
    tools = first.tools
    reports = (["status"], ["log"], ["verify"], ["check"])
    for argv in (*(reports if command == "upgrade" else ()), command.split()):
        ours, theirs = tools.both("ours", first.ours, first.theirs, *argv)
        seen, wanted = masked(ours.out), masked(theirs.out)
        assert (theirs.code, wanted) == (ours.code, seen), (argv, ours, theirs)
    assert (2 if command == "revert -y" else 0) == ours.code
    assert first.theirs.shape() == first.ours.shape()
    if command == "revert -y":
        return  # refused before anything is looked at
    if command == "deploy --to c" and downgrade == TO_1_0:
        return  # nothing to do, so nothing is upgraded
    first.compare()
    assert 0 == other.run("deploy").code  # its placeholders stay until this
    assert 0 == other.run("rebase", "-y").code
    assert 0 == first.run("deploy").code


def test_newer_registry_is_refused(six: Pair) -> None:
    """Version 2 is not known to either tool; nothing is written."""
    assert 0 == six.run("deploy", "--to", "c").code
    six.execute("update sqitch.releases set version = 2")
    before = six.ours.rows()
    for argv in ("revert -y", "verify", "upgrade", "check", "deploy"):
        assert 2 == six.run(*argv.split(), out=argv != "upgrade").code, argv
    assert before == six.ours.rows()
