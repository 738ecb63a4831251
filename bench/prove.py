"""
Measure proofs: the access matrix by pg_prove, by learnplan-db and by a bare loop.

Run by ``python -m bench.prove``. Progress goes to standard error, the tables to
standard output; a whole run also writes its section of docs/performance.{json,md,svg}
and leaves the rest as it is. The server is a throw-away one and ends with this process.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench import facts, peers, proofs, provers, tools
from bench.deploy import DOCS, USER, ended_by_signals, write
from bench.results import Proving, Report, Result
from learnplan_db.errors import LearnplanError
from learnplan_db.proof import matrix, situations
from learnplan_db.server.embedded import Server
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.results import Peer
    from learnplan_db.proof.nouns import Cell

    Tell = Callable[[str], None]

ROUNDS, QUICK, PEER_ROUNDS = 9, 2, 3
WHOLE, SMALL, STEP = proofs.WHOLE, proofs.SMALL, proofs.STEP
SMALL_TABLE, QUICK_TABLES = "resources", ("modules", "resources")


def cells(version: int = 180000) -> list[Cell]:
    """
    Return all cells of the packaged matrix, those that follow from others too.

    Args: version: the server's; before 17 there is no MAINTAIN to ask for.
    """
    every = matrix.read(config.project_root(None) / "policies")
    found = [c for c in every if c.command != "maintain" or version >= 170000]  # noqa: PLR2004
    return found + situations.blind(found)


@dataclass(frozen=True, slots=True)
class Contest:
    """
    A server with the plan deployed, and what is tried on it.

    Args: dbname: of the database that is proved, with pgTAP in it; peers: those that
        do other work.
    """

    link: tools.Link
    dbname: str
    environ: dict[str, str]
    parts: tuple[provers.Part, ...]
    peers: peers.Bench | None

    def run(self, rounds: int, tell: Tell) -> tuple[tuple[Result, ...], list[Peer]]:
        """
        Let every tool try every part, side by side, each round in the other order.

        Raises: BenchError: one failed, or did not find all as the matrix says.
        """
        self._round(tools.PROVERS)
        tell("warm-up")
        found: list[dict[tuple[str, str], float]] = []
        others: list[Peer] = []
        for number in range(1, rounds + 1):
            order = tools.PROVERS[:: 1 if number % 2 else -1]
            found.append(self._round(order))
            if self.peers and number <= PEER_ROUNDS:
                ran = [
                    self.peers.run(name, self.environ) for name in self.peers.there()
                ]
                others = peers.joined(others, ran)
            tell(f"round {number}")
        return tuple(self._result(part, found) for part in self.parts), others

    def _round(self, order: tuple[str, ...]) -> dict[tuple[str, str], float]:
        return {
            (part.name, tool): provers.seconds(
                tool, part, self.link, self.dbname, self.environ
            )
            for part in self.parts
            for tool in order
        }

    @staticmethod
    def _result(
        part: provers.Part, found: list[dict[tuple[str, str], float]]
    ) -> Result:
        by_tool = {
            tool: [took[part.name, tool] for took in found] for tool in tools.PROVERS
        }
        return Result(part.name, part.cells, 0, {STEP: by_tool})


def measure(tell: Tell, programs: Path | None, *, quick: bool) -> Proving:
    """
    Start a server, let all prove on it, stop the server.

    Args: programs: directory of rlsautotest and rlsgrid, if they are to run.
    Raises: BenchError: a program is missing, failed, or did something else.
    """
    tools.programs("psql")
    provers.extension()  # before anything takes time
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        made = tempfile.TemporaryDirectory(prefix="learnplan-bench-")
        scratch = Path(stack.enter_context(made))
        server = stack.enter_context(Server(None, environ=os.environ))
        link = tools.Link(str(server.socket), server.port, USER)
        every, home = cells(), scratch / "home"
        home.mkdir()
        provers.prepare(link, "bench_proof")
        bench = _peers(link, programs, home)
        versions = provers.versions() | (bench.versions() if bench else {})
        kind = "quick: two tables, few rounds" if quick else "whole"
        known = {"run": kind} | facts.gather(server, **versions)
        for name, value in known.items():
            tell(f"{name}: {value}")
        parts = (
            provers.write(WHOLE, every, QUICK_TABLES if quick else (), scratch / WHOLE),
            provers.write(SMALL, every, (SMALL_TABLE,), scratch / SMALL),
        )
        environ = tools.environment(home, link)
        contest = Contest(link, "bench_proof", environ, parts, bench)
        results, others = contest.run(QUICK if quick else ROUNDS, tell)
        return Proving(known, results, tuple(others))


def _peers(link: tools.Link, programs: Path | None, home: Path) -> peers.Bench | None:
    """Make the database that the other tools may write to."""
    if programs is None:
        return None
    provers.prepare(link, "bench_peers")
    return peers.Bench(programs, peers.url(link, "bench_peers"), home)


@click.command()
@click.option("--quick", is_flag=True, help="Two tables, few rounds; docs stay.")
@click.option(
    "--peers",
    "programs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Directory of rlsautotest and rlsgrid, such as .venv-peers/bin.",
)
@click.option(
    "--json", "to", type=click.Path(path_type=Path), help="Write the figures here too."
)
def main(*, quick: bool, programs: Path | None, to: Path | None) -> None:
    """Measure proofs: pg_prove, learnplan-db and a bare loop, paired."""
    began = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"{time.monotonic() - began:6.1f} s  {line}", err=True)

    try:
        proving = measure(tell, programs, quick=quick)
    except LearnplanError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    report = Report.from_json((DOCS / "performance.json").read_text())
    report = replace(report, proof=proving)
    if to:
        to.write_text(report.to_json())
    if not quick:
        write(report, DOCS)
        tell("wrote docs/performance.{json,md,svg}")
    click.echo(proofs.tables(proving))


if __name__ == "__main__":
    main()
