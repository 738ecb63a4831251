"""A person's terminal and shell: a pseudo-terminal, and ``learnplan-db`` on PATH."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fix_tools import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

UNKNOWN = ("PG", "SQITCH_", "LEARNPLAN_", "NO_COLOR", "FORCE_COLOR", "DATABASE_URL")


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide a directory for PATH in which ``learnplan-db`` is the one under test."""
    directory = tmp_path_factory.mktemp("bin")
    script = directory / "learnplan-db"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m learnplan_db "$@"\n')
    script.chmod(0o755)
    return directory


@pytest.fixture
def person(commands: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Provide the environment of somebody who has configured nothing."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(UNKNOWN)}
    memory = Path("/dev/shm")  # noqa: S108 - where the account of a server may go
    where = tempfile.mkdtemp(prefix="lp-", dir=memory if memory.is_dir() else None)
    Path(where).chmod(0o755)
    environ = kept | {
        "PATH": os.pathsep.join([str(commands), kept.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "HOME": str(tmp_path),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "SQITCH_FULLNAME": "Dee Ba",
        "SQITCH_EMAIL": "dee@example.org",
        "LEARNPLAN_STATE_DIR": where,
    }
    yield environ
    if any(Path(where).iterdir()):
        piped(environ, "server", "stop")
    shutil.rmtree(where)


def _program(person: Mapping[str, str]) -> str:
    return str(Path(person["PATH"].split(os.pathsep)[0]) / "learnplan-db")


def piped(
    person: Mapping[str, str], *words: str, directory: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command with all streams in pipes. Args: more: of the environment."""
    return subprocess.run(
        [_program(person), *words],
        env={**person, **more},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def begin(
    person: Mapping[str, str], *words: str, directory: Path
) -> subprocess.Popen[str]:
    """Start the command in a process group of its own, as a shell does."""
    return subprocess.Popen(
        [_program(person), *words],
        env=dict(person),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def shell(
    person: Mapping[str, str], line: str, directory: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    """Let bash run a line; a pipe ends as the first of its commands that fails."""
    return subprocess.run(
        [program("bash"), *options, "-o", "pipefail", "-c", line],
        env=dict(person),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass
class Screen:
    """A process on a terminal of its own: what it has shown, and how it ended."""

    process: int
    terminal: int
    shown: str = ""
    code: int | None = None
    _bytes: bytearray = field(default_factory=bytearray)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.terminal, text.encode())

    def read(self, until: str | None = None, seconds: float = 60) -> str:
        """Return what was shown until a text stands there, or the process has ended."""
        end = time.monotonic() + seconds
        while until is None or until not in self.shown:
            assert time.monotonic() < end, self.shown
            if not self.look():
                assert until is None, self.shown
                break
        return self.shown

    def look(self) -> bool:
        """Take up what was shown meanwhile; tell whether anybody is there still."""
        if not select.select([self.terminal], [], [], 0.1)[0]:
            return True
        try:
            more = os.read(self.terminal, 65536)
        except OSError:  # as Linux says that nobody is there any more
            return False
        self._bytes += more
        self.shown = self._bytes.decode(errors="replace")
        return bool(more)

    def forget(self) -> None:
        """Read anew from here."""
        self._bytes.clear()
        self.shown = ""

    def end(self) -> str:
        """Wait for the end of the process, and return all that was shown."""
        self.read()
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        return self.shown


def start(
    argv: Sequence[str], environ: Mapping[str, str], directory: Path | None = None
) -> Screen:
    """Start a program on a terminal of 30 lines and 100 columns."""
    process, terminal = pty.fork()
    if not process:
        try:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
            os.chdir(directory or ".")
            os.execvpe(argv[0], list(argv), dict(environ))  # noqa: S606 - as a terminal does
        finally:
            os._exit(127)
    return Screen(process, terminal)


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    """Provide a list; what is put there is ended after the test."""
    opened: list[Screen] = []
    yield opened
    for one in opened:
        if one.code is None:
            os.kill(one.process, 9)
            os.waitpid(one.process, 0)
        os.close(one.terminal)
