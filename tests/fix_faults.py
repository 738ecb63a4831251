"""
A deploy or a revert struck at one exact moment: what is left, and what the next one does.

The client is a process of its own that runs the command line through the injector.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import sys
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cluster import SLOW_COMMIT, Cluster
from fix_race import IDENTITY, environment, wrapped, write
from learnplan_db.engine import runner, session, state
from learnplan_db.model import Planner
from learnplan_db.server.embedded import Server
from reliability import Key, record
from snapshots import snapshot
from strikes import QUIET, commits
from twins import SHAPE
from warm import OURS, Warm, warm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from messages import Unit
    from strikes import Fault
    from warm import Done

ROOT = Path(__file__).parents[1]
# The registry without its times, in their order.
TABLES = {
    "releases": "version",
    "projects": "project",
    "changes": "committed_at",
    "tags": "committed_at",
    "dependencies": "change_id, dependency",
}
ROWS = """
select concat_ws(' ', '{table}', row_number() over (order by {order}), to_jsonb(t)
  - array['installed_at', 'created_at', 'committed_at']) from sqitch.{table} as t
order by {order}"""
# Each change is deployed and reverted by turns, beginning with the former.
TURNS = """
select concat_ws(' ', 'deployed', change, sum(n)) from (
  select change, change_id, case event when 'deploy' then 1 else -1 end as n
  from sqitch.events where event <> 'fail') as e
group by change, change_id having sum(n) <> 0
union all
select concat_ws(' ', 'out of turn', change, event) from (
  select change, event, lag(event, 1, 'revert') over (
    partition by change_id order by committed_at) as before
  from sqitch.events where event <> 'fail') as e
where event = before
order by 1"""
INVALID = "select 'invalid', indexrelid::regclass from pg_index where not indisvalid"
STRUCK, LIVED = Counter[Key](), Counter[Key]()  # of one test
LONGEST = 40  # seconds, after which a command counts as hung
# Silence is looked into at once, and a vanished session ends in a second.
IMPATIENT = """
from learnplan_db.engine import watch, work
watch.PATIENCE, watch.FIRST, work.IDLE = 0.15, 1.0, "1s"
"""
# What a client says it has found out.
FOUND = re.compile(r'looked up: (nothing of the \w+ of )?change "(\w+)"')


@dataclass(frozen=True)
class Run:
    """
    What a command does without a fault: its statements, and where it commits.

    ``states``: the one before, and the one that each commit leads to; the last alone
    if others may be left. ``order``: the changes that lead there, if nothing else does.
    """

    command: str
    k: int
    units: list[Unit]
    points: list[int]
    states: Sequence[list[str]]
    order: Sequence[str]


class Walk:
    """
    A project on a cluster, change by change, and how each state looks.

    ``states[k]`` is what a deploy without any fault has after k changes.
    """

    def __init__(self, cluster: Cluster, root: Path, client: Warm, hasty: Warm) -> None:
        self.cluster, self.root = cluster, root
        self.client, self.hasty = client, hasty
        by = Planner(*IDENTITY.values())
        self.project = replace(state.load(self.root), committer=by)
        changes = self.project.plan.changes
        self.names = [change.name for change in changes]
        self.targets = [change.id for change in changes]
        self.begin()
        self.states = [self.describe()]
        for k in range(1, len(self.names) + 1):
            self.deploy(k)
            self.states.append(self.describe())

    def begin(self) -> None:
        """Bring the database to no change at all, and make each COMMIT wait if told."""
        self.deploy(1)
        self.deploy(0)
        self.cluster.look().execute(SLOW_COMMIT.encode())

    def forget(self) -> None:
        """Drop the registry, and what the first changes make."""
        drop = "drop schema if exists sqitch, learnplan, learnplan_private cascade"
        self.cluster.look().execute(drop)

    def deploy(self, k: int, *, log_only: bool = False) -> None:
        """Bring the database to k changes, in this process and without a fault."""
        to = self.targets[k - 1] if k else None
        with session.connect(self.cluster.server.dsn()) as connection:
            rows = self.project.registry(connection)
            there = (
                len(rows.applied(self.project.plan.project)) if rows.version() else 0
            )
            if k > there:
                runner.deploy(connection, self.project, to=to, log_only=log_only)
            elif k < there:
                runner.revert(connection, self.project, to=to)

    def describe(self) -> list[str]:
        """Return the catalog and the registry as lines."""
        ask, admin = self.cluster.ask, self.cluster.look()
        there = [
            ROWS.format(table=table, order=order)
            for table, order in TABLES.items()
            if ask(f"select to_regclass('sqitch.{table}')") is not None
        ]
        if there:
            there += [TURNS, SHAPE.format(schema="'sqitch'", name="'sqitch'")]
        there.append(INVALID)
        rows = (row for text in there for row in admin.execute(text.encode()))
        return [*snapshot(admin), *(" ".join(map(str, row)) for row in rows)]

    def run(self, command: str, k: int, fault: Fault | None = None) -> Done:
        """Run a command that shall end with k changes; through the injector."""
        cluster, more = self.cluster, {}
        words = ["-C", str(self.root), *command.split()]
        words += [f"db:pg://postgres@127.0.0.1:{cluster.injector.port}/postgres"]
        words += ["--to", self.targets[k - 1]] if k else []
        if fault and fault.hold == "standby":
            more["PGOPTIONS"] = "-c synchronous_commit=on"
        known = environment(self.root, "secret") | more
        client = self.hasty if fault and fault.way in QUIET else self.client
        cluster.prepare(fault)
        cluster.pid = client.start(self.root, known, *words)
        cluster.started.set()
        if fault and fault.way == "crash" and cluster.struck.wait(20):
            cluster.server.start(cluster.port)
        guard = threading.Timer(LONGEST, os.kill, [cluster.pid, signal.SIGKILL])
        guard.start()
        try:
            return client.finish()
        finally:
            guard.cancel()

    def rehearse(
        self, command: str, k: int, states: Sequence[list[str]], order: Sequence[str]
    ) -> Run:
        """Run a command without a fault; return what it does, or fail."""
        done = self.run(command, k)
        self.cluster.injector.heal()
        assert 0 == done.code, done
        self.expect(states[-1], f"{command} without a fault")
        units = list(self.cluster.injector.units)
        return Run(command, k, units, commits(units), states, order)

    def expect(self, clean: list[str], what: str) -> None:
        """Fail unless the database is exactly as it was without a fault."""
        lost, found = Counter(clean), Counter(self.describe())
        assert lost == found, (
            f"{what}: missing {sorted(lost - found)}, extra {sorted(found - lost)}"
        )

    def strike(self, run: Run, fault: Fault) -> None:
        """Strike a run; fail unless it is whole or nothing, and the next completes."""
        end = self.names[run.k - 1] if run.k else "nothing"
        text = run.units[fault.place.number].text
        what = f"{run.command} to {end}, {fault} {text!r}"
        key = run.command.split()[0], fault.way, fault.moment(run.points)
        STRUCK[key] += 1
        done = self.run(run.command, run.k, fault)
        what += f": {done}"
        assert self.cluster.injector.fired, f"not struck, {what}"
        self.cluster.settle(fault)
        killed = fault.way in {"kill", "vanish"}
        assert killed == (done.code == -signal.SIGKILL), f"hung, {what}"
        assert "Traceback" not in done.err, what
        passed = min(fault.passed(run.points), len(run.states) - 1)
        if done.code == 0 or len(run.states) > 1:
            self.expect(run.states[-1 if done.code == 0 else passed], what)
        if run.order and (told := FOUND.search(done.err)):
            assert run.order[passed - (not told[1])] == told[2], what
        again = self.run(run.command, run.k)
        self.cluster.injector.heal()
        assert 0 == again.code, f"{what}, then {again}"
        self.expect(run.states[-1], f"{what}, then {again}")
        LIVED[key] += 1


def _port() -> int:
    """Return a port that no system gives to a client while the server is down."""
    while True:
        port = random.SystemRandom().randrange(20000, 30000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def walking(root: Path, folder: Path) -> Iterator[Walk]:
    """Provide a project on a server of its own, to be struck."""
    port = _port()
    with Server(None, environ=os.environ).start(port) as server:
        cluster = Cluster(server, port)
        hasty = Warm("hasty", [sys.executable, "-c", IMPATIENT + OURS], folder)
        with warm("ours", "") as client:
            yield Walk(cluster, root, client, hasty)
        hasty.close()
        cluster.close()


@pytest.fixture(scope="session")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Provide the packaged plan."""
    with walking(ROOT, tmp_path_factory.mktemp("faults")) as found:
        yield found


@pytest.fixture(scope="module")
def concurrent(
    make_project: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Walk]:
    """Provide a project whose last two changes cannot be transactions."""
    root, table = make_project(), "learnplan_small.t"
    build = f"create index concurrently t_i on {table} (i);"
    unique = f"create unique index concurrently t_s on {table} (s);"
    drop = "drop index concurrently learnplan_small."
    make = f"create table {table} (i int, s int);"
    scripts = {
        "a": (
            wrapped(f"create schema learnplan_small;\n{make}"),
            wrapped(f"drop table {table};\ndrop schema learnplan_small;"),
        ),
        "b": (f"{build}\n{unique}", f"{drop}t_s;\n{drop}t_i;"),
        "c": (f"{drop}t_i;", build),
    }
    for name, (deploy, revert) in scripts.items():
        write(root, "deploy", name, deploy)
        write(root, "revert", name, revert)
    with walking(root, tmp_path_factory.mktemp("concurrent")) as found:
        found.cluster.table = table
        yield found


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Write down what a test strikes, and what is survived."""
    STRUCK.clear()
    LIVED.clear()
    yield
    major = Server(None, environ=os.environ).major
    record(request.node.name, major, STRUCK, LIVED)
