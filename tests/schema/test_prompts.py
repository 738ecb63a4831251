"""What a person answers at a terminal before a revert, beside Sqitch."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from twins import environment

if TYPE_CHECKING:
    from twins import Pair, Side

pytestmark = pytest.mark.gate

OURS = [sys.executable, "-m", "learnplan_db", "-C", "."]
COLORS = re.compile("\x1b\\[[0-9;]*m")


def at_terminal(side: Side, argv: list[str], answers: list[str]) -> tuple[int, str]:
    """Run a program at a terminal, answer its questions; return code and text."""
    ours_end, its_end = pty.openpty()
    environ = environment(side.dsn, side.directory) | {"TERM": "dumb"}
    environ |= {k: os.environ[k] for k in ("PYTHONPATH",) if k in os.environ}
    process = subprocess.Popen(
        argv,
        cwd=side.directory,
        env=environ,
        **dict.fromkeys(("stdin", "stdout", "stderr"), its_end),
    )
    os.close(its_end)
    text, left = b"", list(answers)
    while select.select([ours_end], [], [], 30)[0]:
        try:
            text += os.read(ours_end, 4096)
        except OSError:  # it has ended
            break
        if left and text.endswith(b"] "):
            os.write(ours_end, left.pop(0).encode())
    os.close(ours_end)
    return process.wait(30), COLORS.sub("", text.decode()).replace("\r", "")


def both(pair: Pair, words: str, answers: list[str]) -> list[tuple[int, str]]:
    """Return what ours and sqitch said, and how they ended."""
    sides = ((OURS, pair.ours), (["sqitch"], pair.theirs))
    return [at_terminal(s, [*tool, *words.split()], answers) for tool, s in sides]


@pytest.mark.parametrize("accept", ["true", "false"])
@pytest.mark.parametrize(
    "answers", [["y\n"], ["N\n"], ["\n"], ["yes\n"], ["junk\n", "?\n", "n\n"]]
)
def test_revert_asks_as_sqitch_does(six: Pair, answers: list[str], accept: str) -> None:
    """Question, default and what an answer means are Sqitch's; the times are ours."""
    six.configure(
        *('[core "variables"]', "\tfail_deploy = -", "\tfail_revert = -"),
        *("[revert]", f"\tprompt_accept = {accept}"),
    )
    assert 0 == six.run("deploy", "--to", "b").code
    (code, said), theirs = both(six, "revert --to a", answers)
    untimed = re.sub(
        r"  \d+ ms$|^Reverted 1 change in .*\n", "", said, flags=re.MULTILINE
    )
    assert theirs == (code, untimed)
    assert ("Reverted 1 change in" in said) == ("ok" in theirs[1])
    six.compare()


def test_three_answers_that_are_none_are_refused(six: Pair) -> None:
    """Nothing is reverted then."""
    assert 0 == six.run("deploy", "--to", "b").code
    ours, theirs = both(six, "revert", ["junk\n"] * 3)
    assert (2, 2) == (theirs[0], ours[0])
    assert "no valid answer" in ours[1]
    six.compare()


def test_no_to_a_rebase_deploys_nothing(six: Pair) -> None:
    """Sqitch goes on to deploy what is pending; who says no wants nothing done."""
    assert 0 == six.run("deploy", "--to", "b").code
    ours, theirs = both(six, "rebase", ["n\n"])
    assert (1, 2) == (ours[0], len(six.ours.rows()["changes"]))
    assert (0, 6) == (theirs[0], len(six.theirs.rows()["changes"]))


def test_the_end_of_the_input_is_no_answer(six: Pair) -> None:
    """Sqitch takes Ctrl-D for its default, which is yes; here nothing is reverted."""
    assert 0 == six.run("deploy", "--to", "b").code
    ours, theirs = both(six, "revert", ["\x04"])
    assert (2, 2) == (ours[0], len(six.ours.rows()["changes"]))
    assert (0, 0) == (theirs[0], len(six.theirs.rows()["changes"]))
