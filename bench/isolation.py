"""
Measure test databases: our fixtures and pytest-postgresql, with the same tests.

Run by ``python -m bench.isolation``. Progress goes to standard error, the section to
standard output; a whole run writes docs/performance/isolation.json. What a test costs
is the slope between a suite of few and one of many, so that starting Python, the server
and the schema is left out; each is a whole process of pytest.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench import facts, isolation_page, projects, suites, tools
from bench.deploy import DOCS, USER, ended_by_signals
from bench.isolation_page import OWN, SAME
from learnplan_db.errors import LearnplanError
from learnplan_db.server.binaries import Account
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str], None]
    Rounds = dict[str, dict[str, list[float]]]

PATH = DOCS / "performance" / "isolation.json"
FEW, ROUNDS, OWN_ROUNDS, QUICK = 10, 5, 2, 1
# A rollback takes so little that it is lost in what starting Python takes, unless there
# are many; a clone on a disk that syncs takes long.
MANY = {SAME: (310, 60), OWN: (210, 25)}
CLONES = (suites.CLONED, suites.OUR_CLONE)
FEW_QUICK, MANY_QUICK = 2, (12, 5)


@dataclass(frozen=True, slots=True)
class Contest:
    """
    Ways to keep tests apart, and where they do it.

    Args: home: an empty directory that the account may write; place: as suites.write;
        load: SQL of the schema; prefix: what starts a process as the account.
    """

    home: Path
    place: str | Path
    load: Path
    ways: tuple[str, ...]
    environ: dict[str, str]
    prefix: tuple[str, ...] = ()

    def run(self, few: int, many: tuple[int, int], rounds: int, tell: Tell) -> Rounds:
        """
        Let every way run the small suite and the large one, each round in reverse.

        Args: many: tests of the large suite, of rollbacks and of clones.
        Raises: BenchError: a test failed.
        """
        sizes = {way: (few, many[way in CLONES]) for way in self.ways}
        found: Rounds = {w: {str(size): [] for size in sizes[w]} for w in self.ways}
        for number in range(1, rounds + 1):
            for way in self.ways[:: 1 if number % 2 else -1]:
                for size in sizes[way]:
                    found[way][str(size)].append(self._once(way, size, number))
            tell(f"{self.home.name}: round {number} of {rounds}")
        return found

    def _once(self, way: str, size: int, number: int) -> float:
        name = f"{way.replace(' ', '-')}-{size}-{number}"
        home = suites.write(way, size, self.home / name, self.load, self.place)
        if self.prefix:
            for path in (home, *home.iterdir()):
                Account.current().own(path)
        return suites.seconds(home, size, self.environ, *self.prefix)


def measure(tell: Tell, *, quick: bool) -> dict[str, Any]:
    """
    Start a server, run all suites on it, then each with a server of its own.

    Raises: BenchError: a test failed.
    """
    tools.programs("psql", *["setpriv"] * Account.current().drops)
    few = FEW_QUICK if quick else FEW
    many = dict.fromkeys(MANY, MANY_QUICK) if quick else MANY
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        made = tempfile.TemporaryDirectory(prefix="learnplan-bench-")
        scratch = Path(stack.enter_context(made))
        scratch.chmod(0o711)  # the account goes through it
        load = projects.packaged(scratch).floor["deploy"]
        load.chmod(0o644)
        server = stack.enter_context(Server(None, environ=os.environ))
        known = {"run": "quick: few tests, one round" if quick else "whole"}
        known |= facts.gather(
            server,
            pytest=version("pytest"),
            **{"pytest-postgresql": version("pytest-postgresql")},
        )
        for name, value in known.items():
            tell(f"{name}: {value}")
        link = tools.Link(str(server.socket), server.port, USER)
        same = _contest(SAME, scratch, link.dsn("postgres"), load, suites.WAYS)
        own = _contest(OWN, scratch, server.bindir, load, suites.WAYS[1:])
        at = facts.file_system(scratch)
        known["pytest-postgresql's own server"] = f"its settings, data on {at}"
        rounds = (QUICK, QUICK) if quick else (ROUNDS, OWN_ROUNDS)
        return {
            "facts": known,
            SAME: same.run(few, many[SAME], rounds[0], tell),
            OWN: own.run(few, many[OWN], rounds[1], tell),
        }


def _contest(
    name: str, scratch: Path, place: str | Path, load: Path, ways: tuple[str, ...]
) -> Contest:
    """Return a contest in a new directory; root starts no server of its own."""
    home = scratch / name
    home.mkdir()
    environ = suites.environment(tools.environment(home, tools.Link("", 0, "")), place)
    account = Account.current()
    prefix: tuple[str, ...] = ()
    if account.drops and isinstance(place, Path):
        account.own(home)
        name = account.entry.pw_name
        prefix = ("setpriv", f"--reuid={name}", f"--regid={name}", "--clear-groups")
    return Contest(home, place, load, ways, environ, prefix)


@click.command()
@click.option("--quick", is_flag=True, help="Few tests, one round; docs stay.")
@click.option(
    "--json", "to", type=click.Path(path_type=Path), help="Write the figures here too."
)
def main(*, quick: bool, to: Path | None) -> None:
    """Measure test databases: our fixtures and pytest-postgresql."""
    began = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"{time.monotonic() - began:6.1f} s  {line}", err=True)

    try:
        data = measure(tell, quick=quick)
    except LearnplanError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    text = json.dumps(data, indent=1) + "\n"
    for path in filter(None, (to, None if quick else PATH)):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        tell(f"wrote {path}")
    click.echo(isolation_page.section(data))


if __name__ == "__main__":
    main()
