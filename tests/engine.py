"""A Docker engine of the tests' own, for root where none runs: all of it goes again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fix_tools import absent, program
from learnplan_db.server import processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

START_SECONDS, STOP_SECONDS = 60, 60
BRIDGE = "docker0"
# What the kernel has where no rule was made yet; the engine's rules are taken back to it.
NO_RULES = """*{table}
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
"""


def answers(environ: Mapping[str, str]) -> bool:
    """Whether an engine takes orders from whoever runs the tests."""
    command = [program("docker"), "version", "--format", "{{.Server.Version}}"]
    said = subprocess.run(command, env=environ, capture_output=True, check=False)
    return not said.returncode


@contextmanager
def started(environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Start an engine and provide the environment that leads to it."""
    if os.geteuid() != 0:
        absent("no Docker engine answers, and only root can start one")
    if Path("/sys/class/net", BRIDGE).exists():
        absent(f"no Docker engine answers, but {BRIDGE} is there: another one's")
    program("iptables")
    base = processes.scratch_base(environ)
    root = Path(tempfile.mkdtemp(prefix="learnplan-docker-", dir=base))
    address = f"unix://{root}/docker.sock"
    with (root / "log").open("wb") as log, _rules_as_they_were():
        engine = subprocess.Popen(
            [
                program("dockerd"),
                f"--host={address}",
                f"--data-root={root}/data",
                f"--exec-root={root}/exec",
                f"--pidfile={root}/pid",
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=processes.death_signal(),  # noqa: PLW1509 - one system call
        )
        try:
            mine = {**environ, "DOCKER_HOST": address}
            _wait(engine, mine, root / "log")
            yield mine
        finally:
            engine.send_signal(signal.SIGTERM)
            engine.wait(STOP_SECONDS)
            for place in root.glob("exec/netns/*"):  # a mount, where the host's was
                subprocess.run(["umount", place], check=False)  # noqa: S607
            shutil.rmtree(root, ignore_errors=True)


def _wait(
    engine: subprocess.Popen[bytes], environ: Mapping[str, str], log: Path
) -> None:
    end = time.monotonic() + START_SECONDS
    while not answers(environ):
        if engine.poll() is not None or time.monotonic() > end:
            absent(f"dockerd does not start: {log.read_text()[-1000:]}")
        time.sleep(0.1)


@contextmanager
def _rules_as_they_were() -> Iterator[None]:
    """Take back what an engine does to the network, and leaves when it stops."""
    tables = ("filter", "nat")
    before = {table: _iptables("-save", "-t", table) for table in tables}
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "delete", BRIDGE], check=False)  # noqa: S607
        for table, rules in before.items():
            _iptables("-restore", rules=rules if "*" in rules else _no_rules(table))


def _no_rules(table: str) -> str:
    lines = NO_RULES.format(table=table).splitlines(keepends=True)
    foreign = "ROUTING" if table == "filter" else "FORWARD"
    return "".join(line for line in lines if foreign not in line)


def _iptables(action: str, *arguments: str, rules: str = "") -> str:
    return subprocess.run(
        [program(f"iptables{action}"), *arguments],
        input=rules,
        text=True,
        capture_output=True,
        check=True,
    ).stdout
