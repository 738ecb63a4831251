"""
Both tools kept warm: a process that has loaded one forks a child for each command.

A command then costs 20 ms instead of 300, so that a walk may take ten times the steps.
The child runs the tool's own program with its own arguments, directory, environment and
file descriptors; tests/schema/test_warm.py holds it to the program started cold.
Never ask Sqitch about a plan that depends on a bare id, on which it recurses.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fix_tools import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DRIVER = Path(__file__).with_name("sqitch.pl")
MEMORY = 1024 * 1024  # kB of a process
OURS = """
import gc, json, os, sys
from importlib import import_module
from learnplan_db import cli
for name in cli.COMMANDS:
    import_module(f"learnplan_db.commands.{name}")
for name in ("runner", "verification"):  # commands import them late
    import_module(f"learnplan_db.engine.{name}")
gc.freeze()  # a child that collects garbage would copy all
answers = os.fdopen(os.dup(1), "w", buffering=1)
while line := sys.stdin.buffer.raw.readline():
    kind, cwd, environment, out, err, *words = json.loads(line)
    pid = os.fork()
    if pid and kind == "start":
        print(pid, file=answers)
    if not pid:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(environment)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for fd, name in ((1, out), (2, err)):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), fd)
        sys.argv = ["learnplan-db", *words]
        sys.stdin = open(0, closefd=False)
        code = 1
        try:
            code = cli.main() or 0
        except SystemExit as leaving:
            code = leaving.code or 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), file=answers)
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How one command ended, and what it printed."""

    code: int
    out: str
    err: str


class Warm:
    """
    One tool, loaded: runs one command at a time.

    Args: name: ours or sqitch; argv: what starts it; folder: for what is printed.
    """

    def __init__(self, name: str, argv: list[str], folder: Path) -> None:
        self.name = name
        self.out, self.err = (folder / f"{name}.{kind}" for kind in ("out", "err"))
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"LC_ALL": "C.UTF-8", "TZ": "UTC"},
        )

    def ask(self, *question: Any) -> Any:
        """Return the answer to one question; sqitch.pl lists those to Sqitch."""
        if self.process.stdin is None:
            raise AssertionError(self.name)
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        if self.process.stdout is None:
            raise AssertionError(self.name)
        return json.loads(self.process.stdout.readline())

    def run(self, cwd: Path, environment: Mapping[str, str], *argv: str) -> Done:
        """Run one command to its end."""
        files = str(self.out), str(self.err)
        return self._done(self.ask("run", str(cwd), dict(environment), *files, *argv))

    def start(self, cwd: Path, environment: Mapping[str, str], *argv: str) -> int:
        """Start one command of ours; return the id of its process."""
        files = str(self.out), str(self.err)
        return int(self.ask("start", str(cwd), dict(environment), *files, *argv))

    def finish(self) -> Done:
        """Wait for the command that was started."""
        return self._done(self._answer())

    def _done(self, code: int) -> Done:
        # Not read_text, which makes a line feed of a carriage return.
        out, err = (file.read_bytes().decode() for file in (self.out, self.err))
        return Done(code, out, err)

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def arguments(name: str, sqitch: str) -> list[str]:
    """Return what starts one of the tools warm."""
    if name == "ours":
        return [sys.executable, "-c", OURS]
    # A Sqitch that recurses is stopped before it takes all memory.
    capped = ["/bin/sh", "-c", f'ulimit -v {MEMORY}; exec "$0" "$@"']
    return [*capped, program("perl"), "-CAS", str(DRIVER), sqitch]


@contextmanager
def warm(name: str, sqitch: str) -> Iterator[Warm]:
    """Provide a tool, loaded: ours or sqitch."""
    with tempfile.TemporaryDirectory(prefix="learnplan-warm-") as folder:
        tool = Warm(name, arguments(name, sqitch), Path(folder))
        try:
            yield tool
        finally:
            tool.close()
