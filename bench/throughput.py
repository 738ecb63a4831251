"""
Measure throughput: pgbench with a mix of visits, through PgBouncer, 32 clients.

Run by ``python -m bench.throughput``. Progress goes to standard error, the section to
standard output; a whole run also writes docs/performance/throughput.json. The server
is a throw-away one and ends with this process.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench import facts, pooler, throughput_page, visits, worlds
from bench.deploy import DOCS, ended_by_signals
from bench.errors import BenchError
from learnplan_db.errors import LearnplanError
from learnplan_db.server import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from learnplan_db.server.embedded import Server

    Tell = Callable[[str], None]

FILE = DOCS / "performance" / "throughput.json"
PLANS, CLIENTS = 10_000, 32
ROUNDS, SECONDS = 3, 4
QUICK_ROUNDS, QUICK_SECONDS, WARM_SECONDS = 1, 2, 1
POOLED, DIRECT = "PgBouncer", "direct, prepared"
# Each statement is planned when it comes, as the pooler keeps no account of prepared
# ones; without it they are prepared, as a driver does.
PROTOCOLS = {POOLED: "extended", DIRECT: "prepared"}
APP, BY_HAND = "bench_traffic", "bench_traffic_hand"
PLACES = ((POOLED, 2), (POOLED, 1), (DIRECT, 2))  # and how many cores
LOGINS = {visits.HAND: BY_HAND, visits.TABLES: APP, visits.ACCESSORS: APP}
# The one is a plain login of the application; the other goes around row security.
ROLES = f"""
create role {APP} login noinherit in role authenticated;
create role {BY_HAND} login bypassrls in role bench_hand"""
TIDY = "vacuum (analyze) learnplan.tasks, learnplan.task_progress"
SCRIPT = re.compile(
    r"\S*/(\d+)\.sql$.*?^ - (\d+) transactions.*?^ - latency average = ([\d.]+) ms",
    re.MULTILINE | re.DOTALL,
)
TOTAL = re.compile(
    r"failed transactions: (\d+).*?latency average = ([\d.]+) ms.*?^tps = ([\d.]+)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Traffic:
    """
    A database that is a world, the ways to it, and the scripts of those who visit it.

    Args: pgbench: the program; links: directories of a socket and ports, by name;
        scratch: where the scripts are; visitors: how many; watched: the table that
        acting_as watches.
    """

    server: Server
    dbname: str
    pgbench: str
    links: dict[str, tuple[Path, int]]
    scratch: Path
    visitors: int
    watched: int

    def run(self, link: str, way: str, seconds: int, seed: int) -> dict[str, Any]:
        """
        Let pgbench visit for some seconds; return what it counted.

        Raises: BenchError: a transaction failed, or one saw or wrote nothing.
        """
        directory, port = self.links[link]
        argv = [self.pgbench, "-n", "-M", PROTOCOLS[link], "-j", "2"]
        argv += ["-T", str(seconds)]
        argv += ["-c", str(CLIENTS), f"--random-seed={seed}", "-D", "left=0"]
        argv += ["-D", f"visitors={self.visitors}", "-D", f"watched={self.watched}"]
        for number, name in enumerate(visits.WEIGHTS):
            path = self.scratch / way / f"{number}.sql"
            argv += ["-f", f"{path}@{visits.WEIGHTS[name]}"]
        argv += ["-h", str(directory), "-p", str(port), "-U", LOGINS[way]]
        done = subprocess.run(
            [*argv, self.dbname],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 60,
        )
        if done.returncode:
            raise BenchError.failed(argv, done.returncode, done.stdout + done.stderr)
        self._tidy()
        return read(argv, done.stdout)

    def _tidy(self) -> None:
        """Take away what the writes have left, so that all find the same world."""
        with psycopg.connect(self.server.dsn(self.dbname), autocommit=True) as admin:
            for statement in (*visits.UNDO.split(";"), TIDY):
                admin.execute(statement.encode())


def read(argv: Sequence[str], printed: str) -> dict[str, Any]:
    """
    Return what pgbench says: transactions a second, milliseconds, of each script too.

    Raises: BenchError: a transaction failed, or it does not say.
    """
    total = TOTAL.search(printed)
    if total is None or total[1] != "0":
        raise BenchError.failed(argv, 0, printed)
    names, each = list(visits.WEIGHTS), {}
    for part in re.split(r"^SQL script \d+: ", printed, flags=re.MULTILINE)[1:]:
        if said := SCRIPT.match(part):  # what is rare may not have come
            each[names[int(said[1])]] = {"count": int(said[2]), "ms": float(said[3])}
    return {"tps": float(total[3]), "ms": float(total[2]), "visits": each}


@contextmanager
def on_cores(server: Server, cores: int) -> Iterator[None]:
    """
    Bind the server to so many cores; on one, what we start meanwhile has the other.

    Raises: BenchError: the machine has no second core, or cannot bind.
    """
    there = sorted(getattr(os, "sched_getaffinity", lambda _: ())(0))
    if len(there) <= 1:
        raise BenchError.one_core()
    pid = processes.pid_in(server.data / "postmaster.pid")
    family = [int(pid or 0), *_children(int(pid or 0))]
    try:
        _bind(family, there[:cores])
        _bind([0], there[1:2] if cores == 1 else there[:cores])
        yield
    finally:
        _bind([0, *family], there)


def _bind(family: Sequence[int], cores: Sequence[int]) -> None:
    """Bind processes to cores; sessions may have ended meanwhile."""
    for pid in family:
        with suppress(ProcessLookupError):
            os.sched_setaffinity(pid, cores)


def _children(parent: int) -> list[int]:
    """Return the processes that a process has started."""
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in path.read_text().split()]


def visiting(server: Server, dbname: str, scratch: Path) -> Traffic:
    """
    Make logins and visitors in a database that is a world, and the scripts.

    Raises: BenchError: pgbench is missing.
    """
    pgbench = server.binary("pgbench")
    found = str(pgbench) if pgbench.exists() else pooler.find("pgbench")
    with psycopg.connect(server.dsn(dbname), autocommit=True) as admin:
        admin.execute(ROLES.encode())
        admin.execute((Path(__file__).parent / "visits.sql").read_bytes())
        query = "select count(*), 'learnplan.users'::regclass::oid from bench.visitors"
        row = admin.execute(query).fetchone() or (0, 0)
    for way in visits.WAYS:
        (scratch / way).mkdir()
        for number, text in enumerate(visits.scripts(way).values()):
            (scratch / way / f"{number}.sql").write_text(text)
    links = {DIRECT: (server.socket, server.port)}
    return Traffic(server, dbname, found, links, scratch, *row)


def measure(tell: Tell, *, quick: bool) -> dict[str, Any]:
    """
    Start a server, let them visit, stop the server.

    The ways take turns, in the other order each round, after a run of each that does
    not count, in each place. Raises: BenchError: a program is missing, or a
    transaction failed.
    """
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    runs: list[dict[str, Any]] = []
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        base = processes.scratch_base(os.environ)
        made = tempfile.TemporaryDirectory(prefix="learnplan-traffic-", dir=base)
        home = Path(stack.enter_context(made))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(worlds.server(home))
        world = worlds.build(server, PLANS, tell)
        dbname = str(conninfo_to_dict(world.dsn)["dbname"])
        traffic = visiting(server, dbname, scratch)
        known = facts.gather(
            server,
            PgBouncer=facts.said(pooler.find("pgbouncer"), "--version"),
            pgbench=facts.said(traffic.pgbench, "--version"),
        )
        for link, cores in PLACES:
            with ExitStack() as each:
                each.enter_context(on_cores(server, cores))
                if link == POOLED:
                    pool = each.enter_context(pooler.pooled(server, APP, BY_HAND))
                    traffic.links[POOLED] = (pool, pooler.PORT)
                for way in visits.WAYS:
                    traffic.run(link, way, WARM_SECONDS, 0)
                for number in range(1, rounds + 1):
                    for way in visits.WAYS[:: 1 if number % 2 else -1]:
                        found = traffic.run(link, way, seconds, number)
                        runs.append({"link": link, "cores": cores, "way": way} | found)
                        tell(f"{link}, {cores}: {way} {found['tps']:.0f}/s")
    return {
        "facts": known,
        "seconds": seconds,
        "clients": CLIENTS,
        "sessions": pooler.SESSIONS,
        "runs": runs,
    }


@click.command()
@click.option("--quick", is_flag=True, help="One short round; docs stay.")
@click.option(
    "--json", "to", type=click.Path(path_type=Path), help="Write the figures here too."
)
def main(*, quick: bool, to: Path | None) -> None:
    """Measure throughput through PgBouncer: by hand, by policies, by accessors."""
    began = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"{time.monotonic() - began:6.1f} s  {line}", err=True)

    try:
        data = measure(tell, quick=quick)
    except LearnplanError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    text = json.dumps(data, indent=1) + "\n"
    if to:
        to.write_text(text)
    if not quick:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(text)
        tell("wrote docs/performance/throughput.json")
    click.echo(throughput_page.section(data))


if __name__ == "__main__":
    main()
