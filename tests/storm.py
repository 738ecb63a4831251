"""
Many deployers at once, and who waits for what meanwhile.

A process that has loaded the tool forks a child for each command, holds them all at a
gate and lets them go together: sixteen cost as much as two started cold. The sampler
looks at the server's locks all the time, over a session of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from fix_race import environment
from learnplan_db.engine import session

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

DRIVER = """
import gc, json, os, sys
from importlib import import_module
from learnplan_db import cli
from learnplan_db.engine import session
for name in cli.COMMANDS:
    import_module(f"learnplan_db.commands.{name}")
for name in ("runner", "verification"):  # commands import them late
    import_module(f"learnplan_db.engine.{name}")
session.TABLE_LOCK_TIMEOUT = float(sys.argv[1])
gc.freeze()
gate, opener = os.pipe()
children = []
for cwd, out, err, *words in json.loads(sys.stdin.readline()):
    pid = os.fork()
    if pid:
        children.append(pid)
        continue
    os.close(opener)
    os.chdir(cwd)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for fd, name in ((1, out), (2, err)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), fd)
    sys.argv = ["learnplan-db", *words]
    sys.stdin = open(0, closefd=False)
    code = 1
    os.read(gate, 1)  # until nobody can write to it
    try:
        code = cli.main() or 0
    except SystemExit as leaving:
        code = leaving.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
os.close(opener)
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]) for p in children]))
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How one command ended, and what it printed."""

    code: int
    out: str
    err: str


class Storm:
    """
    Commands of ours, all started at one moment.

    Args: folder: for what they print; commands: each the directory to run in, the
        command and its words; lock_timeout: seconds for a table's lock, one try.
    """

    def __init__(
        self,
        folder: Path,
        commands: list[tuple[Path, str, str, tuple[str, ...]]],
        lock_timeout: float = session.TABLE_LOCK_TIMEOUT,
    ) -> None:
        path = os.pathsep.join(filter(None, sys.path))
        numbers = range(len(commands))
        self.files = [(folder / f"{n}.out", folder / f"{n}.err") for n in numbers]
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(lock_timeout)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(folder) | {"PYTHONPATH": path},
        )
        jobs = [
            [str(root), *map(str, files), "-C", str(root), command, dsn, *more]
            for files, (root, command, dsn, more) in zip(
                self.files, commands, strict=True
            )
        ]
        if self.process.stdin is None:
            raise AssertionError(self.process)
        self.process.stdin.write(json.dumps(jobs) + "\n")
        self.process.stdin.flush()

    def says(self, text: str) -> bool:
        """Tell whether one of them has said something on stderr by now."""
        return any(err.exists() and text in err.read_text() for _, err in self.files)

    def end(self) -> list[Done]:
        """Wait for all; return how each ended."""
        try:
            told, _ = self.process.communicate(timeout=120)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        codes = json.loads(told)
        return [
            Done(code, out.read_text(), err.read_text())
            for code, (out, err) in zip(codes, self.files, strict=True)
        ]


# The engine's name; its onlooker, scripts of the real sqitch and applications have others.
_OURS = f"a.application_name = '{session.APPLICATION_NAME}'"
_SAMPLE = f"""
select a.pid, {_OURS} as ours, l.locktype, l.relation::regclass::text as name,
  extract(epoch from clock_timestamp() - l.waitstart)::float8 as seconds, l.waitstart,
  a.wait_event_type, a.wait_event
from pg_stat_activity as a
left join pg_locks as l on l.pid = a.pid and not l.granted
where a.datname = current_database() and a.pid <> pg_backend_pid()
"""


@dataclass(slots=True)
class Seen:
    """
    What was seen of one database.

    ``advisory`` counts samples of a session of ours that waits for an advisory lock
    inside a statement, ``others_advisory`` those of anybody else; ``longest`` is the
    longest wait of ours for a table's lock; ``sessions`` how many of ours there were;
    ``attempts`` are by table when each of our waits for it began.
    """

    samples: int = 0
    sessions: int = 0
    advisory: int = 0
    others_advisory: int = 0
    longest: float = 0.0
    attempts: dict[str, set[Any]] = field(default_factory=dict)


class Sampler:
    """Looks at a database every few milliseconds; a context manager."""

    def __init__(self, dsn: str) -> None:
        self.dsn, self.seen = dsn, Seen()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(10)

    def _look(self) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as looking:
            while not self._end.wait(0.02):
                self._count(looking.execute(_SAMPLE.encode()).fetchall())

    def _count(self, rows: list[tuple[Any, ...]]) -> None:
        seen = self.seen
        seen.samples += 1
        ours = {row[0] for row in rows if row[1]}
        seen.sessions = max(seen.sessions, len(ours))
        for _, mine, kind, name, seconds, began, *waits in rows:
            if kind == "advisory" or waits == ["Lock", "advisory"]:
                seen.advisory += mine
                seen.others_advisory += not mine
            elif mine and kind == "relation":
                seen.attempts.setdefault(name, set()).add(began)
                seen.longest = max(seen.longest, seconds or 0.0)
