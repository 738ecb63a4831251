"""
Measure deploys: Sqitch, our command line and psql alone, paired on one server.

Run by ``./dev bench``. Progress goes to standard error, the table to standard output;
a whole run also writes docs/performance.{json,md,svg}. The server is a throw-away one
and ends with this process, however that ends.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psycopg
from psycopg import sql

from bench import facts, page, plot, projects, tools
from bench.errors import BenchError
from bench.measure import Bench, Case
from bench.relay import Relay
from bench.results import Report
from learnplan_db.errors import LearnplanError
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCS = Path(__file__).parents[1] / "docs"
USER = "postgres"
ADDED_MS = 20
ADDED = "`select 1`, through the relay against without"
BUDGET_SECONDS = 660.0  # then no further round of a case begins
STEPS = ("deploy", "no-op deploy", "status", "revert", "deploy --verify")
PACKAGED_STEPS = ("deploy", "no-op deploy", "status", "verify", *STEPS[3:])
# Sqitch takes a minute for what takes us seconds, so it gets fewer rounds.
ROUNDS = {
    "packaged": {"sqitch": 3, "ours": 7, "floor": 7},
    "packaged-20ms": {"sqitch": 2, "ours": 3, "floor": 3},
    "100": {"sqitch": 3, "ours": 7, "floor": 7},
    "100-20ms": {"sqitch": 2, "ours": 3, "floor": 3},
    "1000": {"sqitch": 2, "ours": 5, "floor": 5},
}
QUICK = {"sqitch": 1, "ours": 2, "floor": 2}


def cases(scratch: Path, only: tuple[str, ...], *, quick: bool) -> list[Case]:
    """
    Return the cases to run, with their projects written to an empty directory.

    Raises: BenchError: a name in ``only`` is none of them.
    """
    for name in only:
        if name not in ROUNDS:
            raise BenchError.unknown_case(name, list(ROUNDS))
    works, found = {}, []
    for name, rounds in ROUNDS.items():
        if only and name not in only:
            continue
        plan, _, far = name.partition("-")
        if plan not in works:
            home = scratch / plan
            home.mkdir()
            whole = plan == "packaged"
            works[plan] = (
                projects.packaged(home)
                if whole
                else projects.generated(int(plan), home)
            )
        near = PACKAGED_STEPS if plan == "packaged" else STEPS
        # Warm by the cases before; a start is nothing next to what these take.
        warm = tools.TOOLS[1:] if plan == "1000" else () if far else tools.TOOLS
        found.append(
            Case(
                name,
                works[plan],
                ADDED_MS if far else 0,
                ("deploy",) if far else near,
                QUICK if quick else rounds,
                () if quick else warm,
            )
        )
    return found


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM, SIGHUP and Ctrl-C unwind us, so that the server goes too."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    # A shell in the background hands SIGINT down ignored; here it always ends us.
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    old = [signal.signal(number, leave) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, old, strict=True):
            signal.signal(number, handler)


def round_trip_ms(conninfo: str, times: int = 11) -> float:
    """Return the median milliseconds of ``select 1`` on an open connection."""
    took = []
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for _ in range(times):
            began = time.perf_counter()
            connection.execute("select 1")
            took.append(time.perf_counter() - began)
    return sorted(took)[times // 2] * 1000


def measure(
    tell: Callable[[str], None], only: tuple[str, ...], *, quick: bool
) -> Report:
    """
    Start a server, run the cases, stop the server.

    Raises: BenchError: a program is missing, failed, or did something else.
    """
    tools.programs("sqitch", "psql")
    password = secrets.token_hex(16)
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        made = tempfile.TemporaryDirectory(prefix="learnplan-bench-")
        scratch = Path(stack.enter_context(made))
        wanted = cases(scratch, only, quick=quick)
        server = Server(None, environ=os.environ)
        stack.callback(server.stop)
        server.start(free_port())
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            alter = sql.SQL("alter role postgres password {}")
            admin.execute(alter.format(sql.Literal(password)))
        relay = stack.enter_context(Relay(server.port, ADDED_MS / 2000))
        near = tools.Link(str(server.socket), server.port, USER)
        far = tools.Link("127.0.0.1", relay.port, USER, password)
        added = round_trip_ms(f"{far.dsn(USER)} password={password}")
        added -= round_trip_ms(near.dsn(USER))
        tell(f"the relay adds {added:.1f} ms to a round trip")
        kind = "quick: few rounds, no warm-up" if quick else "whole"
        sqitch = facts.said("sqitch", "--version")
        known = {"run": kind} | facts.gather(server, Sqitch=sqitch)
        known["added round trip"] = f"{added:.1f} ms ({ADDED})"
        for name, value in known.items():
            tell(f"{name}: {value}")
        home = scratch / "home"
        home.mkdir()
        deadline = time.monotonic() + BUDGET_SECONDS
        links = {0: near, ADDED_MS: far}
        bench = Bench(server.dsn, links, home, deadline, tell)
        return Report(known, tuple(bench.run(case) for case in wanted))


def files(report: Report, docs: Path) -> dict[str, str]:
    """Return the figures, the page and all plots, by path below the docs."""
    more = page.sections(docs)
    return {
        "performance.json": report.to_json(),
        "performance.md": page.render(report, more),
        "performance.svg": plot.render(report),
    } | {f"performance/{each.name}.svg": each.plot for each in more if each.plot}


def write(report: Report, docs: Path) -> None:
    """Write the figures, the page and the plots into the directory of the docs."""
    for path, text in files(report, docs).items():
        (docs / path).write_text(text)


@click.command()
@click.option("--quick", is_flag=True, help="Few rounds, to try; docs stay.")
@click.option("--only", multiple=True, metavar="CASE", help="One case; docs stay.")
@click.option(
    "--json", "to", type=click.Path(path_type=Path), help="Write the figures here too."
)
@click.option(
    "--again",
    is_flag=True,
    help="Measure nothing: write page and plots from the figures in docs.",
)
def main(*, quick: bool, only: tuple[str, ...], to: Path | None, again: bool) -> None:
    """Measure deploys: Sqitch, our command line and psql alone, paired."""
    began = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"{time.monotonic() - began:6.1f} s  {line}", err=True)

    if again:
        text = (DOCS / "performance.json").read_text()
        write(Report.from_json(text), DOCS)
        return
    try:
        report = measure(tell, only, quick=quick)
    except LearnplanError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    if to:
        to.write_text(report.to_json())
    if not quick and not only:
        write(report.beside(DOCS / "performance.json"), DOCS)
        tell("wrote docs/performance.{json,md,svg}")
    click.echo("\n\n".join([page.targets_table(report), page.times_table(report)]))


if __name__ == "__main__":
    main()
