"""Completion in real shells: a person types, presses TAB, and sees the whole word."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fix_terminal
from fix_tools import program
from learnplan_db.cli import COMMANDS

if TYPE_CHECKING:
    from fix_terminal import Screen

# How a shell starts without anybody's configuration, and reads our script.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(learnplan-db {})"'),
    # Without names of hosts, @ begins a word.
    "bash again": (
        ["bash", "--norc", "--noprofile", "-i"],
        'shopt -u hostcomplete; eval "$(learnplan-db {})"',
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        'bindkey -e; autoload -U compinit; compinit -u -D; eval "$(learnplan-db {})"',
    ),
    "fish": (
        ["fish", "--no-config", "-i"],
        "function fish_prompt; echo 'ready> '; end; learnplan-db {} | source",
    ),
}
LINES = [  # what is typed before TAB, and what stands there after it
    ("fing", "fingerprint"),
    ("deploy --lock-t", "deploy --lock-timeout"),
    ("deploy --mode ta", "deploy --mode tag"),
    ("deploy --to @v1.0", "deploy --to @v1.0.0"),
    ("deploy --to table_task_p", "deploy --to table_task_progress"),
    ("verify @RO", "verify @ROOT"),
    ("log --format onel", "log --format oneline"),
    ("log --format=onel", "log --format=oneline"),
    ("deploy --to=@v1.0", "deploy --to=@v1.0.0"),
    ("-C theirs deploy --to on", "-C theirs deploy --to only"),
    ("-C theirs status prod", "-C theirs status production"),
    ("server stat", "server status"),
    ("show dep", "show deploy"),
    ("completion fi", "completion fish"),
]


def theirs(directory: Path) -> None:
    """Make a project of one change, with a target."""
    root = directory / "theirs"
    root.mkdir()
    (root / "sqitch.conf").write_text(
        '[core]\n\tengine = pg\n[target "production"]\n\turi = db:pg://db.example.org/x\n'
    )
    (root / "sqitch.plan").write_text(
        "%syntax-version=1.0.0\n%project=p\n\nonly 2026-01-01T00:00:00Z P <p@x> # N.\n"
    )


def appeared(path: Path, screen: Screen, seconds: float = 60) -> str:
    """Return what a file holds, once it is there; the screen is looked at meanwhile."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, screen.shown
        screen.look()
    return path.read_text()


@pytest.mark.gate
@pytest.mark.parametrize("shell", SHELLS)
def test_real_shell_completes(
    shell: str, person: dict[str, str], screens: list[Screen], tmp_path: Path
) -> None:
    """Commands, options, choices, changes, tags, targets and formats."""
    theirs(tmp_path)
    argv, script = SHELLS[shell]
    environ = person | {"PS1": "ready> ", "PROMPT": "ready> "}
    screen = fix_terminal.start([program(argv[0]), *argv[1:]], environ, tmp_path)
    screens.append(screen)
    screen.type(f"{script.format(f'completion {argv[0]}')}; touch begun\n")
    appeared(tmp_path / "begun", screen)
    for number, (typed, whole) in enumerate(LINES):
        screen.read("ready> ")
        screen.forget()
        screen.type(f"learnplan-db {typed}\t")
        # From the start of the line on: what stands there is printed, not run.
        screen.type(
            f"\x01echo \x05 >line{number}.part; mv line{number}.part {number}\n"
        )
        said = appeared(tmp_path / str(number), screen)
        assert f"learnplan-db {whole}".split() == said.split()


def answered(
    person: dict[str, str], line: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """Return what bash would be answered at the end of a line."""
    asked = {
        "_LEARNPLAN_DB_COMPLETE": "bash_complete",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line.encode())),
        "COMP_TEXT": line.rpartition(" ")[2],
    }
    return fix_terminal.piped(person, **(asked | more))


def test_commands_are_offered_without_loading_one(person: dict[str, str]) -> None:
    """All their names; what runs scripts or asks a database is not even imported."""
    done = answered(person, "learnplan-db ", PYTHONPROFILEIMPORTTIME="1")
    names = {name for names in COMMANDS.values() for name in names}
    assert names == {line.removeprefix("plain,") for line in done.stdout.split()}
    assert "learnplan_db.commands.candidates" in done.stderr
    assert "psycopg" not in done.stderr
    assert "learnplan_db.engine" not in done.stderr


@pytest.mark.gate
@pytest.mark.parametrize(
    "line",
    [
        "learnplan-db -C /nowhere deploy --to ",
        "learnplan-db nonsense --",
        "learnplan-db deploy --nonsense --to ",
        "learnplan-db -C broken deploy --to ta",
        "learnplan-db 'open",
        "learnplan-db deploy 'ta",
    ],
)
def test_nothing_is_said_where_something_is_wrong(
    person: dict[str, str], tmp_path: Path, line: str
) -> None:
    """A missing project, a broken one, a wrong word, a quote that is open."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sqitch.conf").write_text("[core\n")
    done = answered(person, line.replace("broken", str(tmp_path / "broken")))
    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.gate
def test_no_server_is_started_and_none_is_asked(person: dict[str, str]) -> None:
    """The state directory stays empty, and a target nobody answers at takes no time."""
    for target in ("", "postgresql://192.0.2.1/x"):
        done = answered(person, "learnplan-db deploy --to enum_", DATABASE_URL=target)
        assert {"plain,enum_skill_level"} <= {*done.stdout.split()}
    assert [] == [*Path(person["LEARNPLAN_STATE_DIR"]).iterdir()]


@pytest.mark.gate
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_is_one_that_the_shell_reads(shell: str, person: dict[str, Any]) -> None:
    """The shell's own check of its grammar."""
    text = fix_terminal.piped(person, "completion", shell).stdout
    checked = subprocess.run(
        [program(shell), "-n"], input=text, capture_output=True, text=True, check=False
    )
    assert (0, "") == (checked.returncode, checked.stderr)
