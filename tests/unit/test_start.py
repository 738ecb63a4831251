"""What a command does before it works: as little as it can."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from learnplan_db.psql import lexer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("shape", "spelled"),
    [
        (lexer.LETTER + "+", "A-Za-z_"),
        (lexer.NAME, "A-Za-z_0-9"),
        (lexer.WORD.removeprefix(lexer.LETTER), "A-Za-z_0-9$"),
    ],
)
def test_classes_hold_some_of_ascii_and_all_beyond(shape: str, spelled: str) -> None:
    """Every character beyond ASCII is a letter to psql, though no class says so."""
    characters = "".join(map(chr, range(sys.maxunicode + 1)))
    expected = re.findall(rf"[{spelled}\x80-\U0010ffff]+", characters)
    assert expected == [found for found in re.findall(shape, characters) if found]


def imported(*argv: str) -> set[str]:
    """Return the modules that a command imports, run as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "learnplan_db", *argv],
        capture_output=True,
        check=True,
        text=True,
    )
    return set(re.findall(r"^import time:.*\| +([\w.]+)$", done.stderr, re.MULTILINE))


@pytest.mark.parametrize(
    "words",
    [
        ("plan",),
        ("config", "-l"),
        ("show", "change", "one"),
        ("tag", "v1", "-n", "First."),
        ("add", "two", "-n", "Second."),
    ],
)
def test_command_without_a_database_starts_without_a_client(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    """What needs no database imports neither psycopg nor jinja2, nor an engine."""
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    (tmp_path / "sqitch.plan").write_text(
        "%syntax-version=1.0.0\n%project=p\n\none 2026-01-01T00:00:00Z P <p@x> # N.\n"
    )
    found = imported("-C", str(tmp_path), *words)
    assert "learnplan_db.start" in found
    heavy = ("psycopg", "jinja2", "learnplan_db.engine", "learnplan_db.psql")
    assert set() == {name for name in found if name.startswith(heavy)}


THREAD = """import threading
def run():
    threading.main_thread().join()
    print("bye")
threading.Thread(target=run).start()"""


@pytest.mark.parametrize(
    ("before", "word", "code", "end"),
    [
        ("import atexit; atexit.register(print, 'bye')", "--help", 0, "bye\n"),
        (THREAD, "--help", 0, "bye\n"),
        ("", "nonsense", 2, ""),
    ],
)
def test_early_end_is_as_any_other(before: str, word: str, code: int, end: str) -> None:
    """What would run at the end of a process runs, and the exit code is the same."""
    program = f"{before}\nfrom learnplan_db.start import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program, word],
        capture_output=True,
        check=False,
        text=True,
    )
    assert code == done.returncode, done.stderr
    assert done.stdout.endswith(end)


PRESS = """import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "learnplan_db.cli":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())"""


def test_interrupt_while_modules_are_loaded_is_no_traceback() -> None:
    """Ctrl-C right after the start ends the process, as it ends any other program."""
    program = f"{PRESS}\nfrom learnplan_db.start import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (-signal.SIGINT, "", "") == (done.returncode, done.stdout, done.stderr)


def test_reader_that_goes_away_is_told_by_the_exit_code() -> None:
    """A closed pipe is no success, though nobody reads why: as SIGPIPE would end it."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "learnplan_db", "--help"],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
    )
    os.close(write)
    assert (141, "") == (done.returncode, done.stderr)
