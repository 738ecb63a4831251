"""What the warm sqitch of all other tests says is what the program says, started cold."""

from __future__ import annotations

import resource
import subprocess
from typing import TYPE_CHECKING

import pytest

from twins import environment, masked
from warm import MEMORY

if TYPE_CHECKING:
    from twins import Pair, Side
    from warm import Warm

pytestmark = pytest.mark.gate

COMMANDS = (
    (0, "plan", "--format", "full", "--color", "auto"),
    (0, "add", "Ünï", "-r", "a", "-n", "é\n日本"),
    (2, "add", "a", "-n", "There already."),
    (0, "show", "tag", "@v1"),
    (0, "config", "core.engine"),
    (0, "deploy", "--to", "c"),
    (2, "deploy", "--verify", "--set", "fail_verify=f"),
    (0, "status", "--show-tags"),
    (2, "deploy", "--to", "nope"),
    (0, "revert", "-y", "--to", "b"),
    (0, "log", "--event", "fail"),
    (2, "plan", "--nonsense"),
    (2, "nonsense"),
    (2, "plan", "--change", "("),
    (255, "plan", "--date", "nope"),
    (255, "plan", "--format", "nope"),
)


def told(side: Side, *texts: str) -> list[str]:
    """Return texts without times, places, and the addresses of a Perl trace."""
    return [
        masked(text.partition("\nTrace begun")[0]).replace(str(side.directory), "")
        for text in texts
    ]


def test_warm_sqitch_is_the_real_one(six: Pair) -> None:
    """Exit code, output, errors, files and registry are those of a cold start."""
    for code, *argv in COMMANDS:
        done = six.tools.run("sqitch", six.ours, *argv)
        cold = subprocess.run(
            [six.tools.sqitch, *argv],
            cwd=six.theirs.directory,
            env=environment(six.theirs.dsn, six.theirs.directory),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        output = cold.stdout.decode(), cold.stderr.decode()
        expected = cold.returncode, *told(six.theirs, *output)
        assert expected == (done.code, *told(six.ours, done.out, done.err)), argv
        assert code == done.code, argv
        six.compare(str(argv))


def test_warm_sqitch_cannot_take_all_memory(oracle: Warm) -> None:
    """A Sqitch that recurses dies of its limit, before the machine does."""
    limit = MEMORY * 1024
    found = resource.prlimit(oracle.process.pid, resource.RLIMIT_AS)
    assert (limit, limit) == found
