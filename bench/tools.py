"""
The three programs that are compared, as command lines, and how one is timed.

Whole processes are timed, start included: that is what a person or a pipeline waits
for. Never prints.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.conninfo import make_conninfo

from bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from bench.projects import Work

TOOLS = ("sqitch", "ours", "floor")
PROVERS = ("pg_prove", "pg_prove --jobs 2", "ours", "loop")  # see bench.provers
MOST_SECONDS = 400.0  # no program measured here may take longer
ARGUMENTS = {
    "deploy": ("deploy",),
    "deploy --verify": ("deploy", "--verify"),
    "no-op deploy": ("deploy",),
    "status": ("status",),
    "verify": ("verify",),
    "revert": ("revert", "-y"),
}


@dataclass(frozen=True, slots=True)
class Link:
    """A way to the server: the directory of its socket, or an address and password."""

    host: str
    port: int
    user: str
    password: str | None = None

    def uri(self, dbname: str) -> str:
        """Return a target as Sqitch writes it, without the password."""
        if self.host.startswith("/"):
            return f"db:pg://{self.user}@/{dbname}?host={self.host}&port={self.port}"
        return f"db:pg://{self.user}@{self.host}:{self.port}/{dbname}"

    def dsn(self, dbname: str) -> str:
        """Return the same for libpq."""
        return make_conninfo(
            "", host=self.host, port=self.port, user=self.user, dbname=dbname
        )


def programs(*names: str) -> None:
    """
    Look whether all is there that is compared.

    Raises: BenchError: a program is not on PATH.
    """
    for name in names:
        if shutil.which(name) is None:
            raise BenchError.missing(name)


def environment(home: Path, link: Link) -> dict[str, str]:
    """
    Return what all three start with: this environment, with nobody's settings.

    Python may keep what it compiles, as it does wherever a package is installed.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "SQITCH_", "LEARNPLAN_"))
        and name not in {"DATABASE_URL", "PYTHONDONTWRITEBYTECODE"}
    }
    own = {
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "SQITCH_SYSTEM_CONFIG": str(home / "none.conf"),
        "SQITCH_FULLNAME": "Bench Mark",
        "SQITCH_EMAIL": "bench@example.org",
    }
    return kept | own | ({"PGPASSWORD": link.password} if link.password else {})


def command(tool: str, step: str, work: Work, link: Link, dbname: str) -> list[str]:
    """
    Return the command line of a tool for a step.

    The floor of a step that changes nothing is to connect and ask one question.
    """
    if tool == "floor":
        psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", link.dsn(dbname)]
        raw = work.floor.get(step)
        return [*psql, "-f", str(raw)] if raw else [*psql, "-c", "select 1"]
    name, *options = ARGUMENTS[step]
    start = ["sqitch"]
    if tool == "ours":
        start = [sys.executable, "-m", "learnplan_db", "-C", str(work.root)]
    return [*start, name, *options, link.uri(dbname)]


def seconds(argv: list[str], work: Work, environ: dict[str, str]) -> float:
    """
    Run a program to its end and return the seconds it took.

    Raises: BenchError: it failed, or took too long.
    """
    return timed(argv, work.root, environ)[0]


def timed(
    argv: list[str], cwd: Path, environ: dict[str, str], fine: Container[int] = (0,)
) -> tuple[float, str]:
    """
    Run a program to its end; return the seconds it took, and what it printed.

    Args: fine: the exit codes of one that did its work.
    Raises: BenchError: it failed, or took too long.
    """
    began = time.perf_counter()
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError.failed(argv, 124, str(error)) from error
    took = time.perf_counter() - began
    printed = done.stdout.decode(errors="replace")
    if done.returncode not in fine:
        said = printed + done.stderr.decode(errors="replace")
        raise BenchError.failed(argv, done.returncode, said)
    return took, printed
