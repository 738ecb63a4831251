"""
Rounds: every tool does every step, side by side, each on a fresh database.

The order of the tools turns round with each round (ABC, CBA, ...), so that a machine
that gets slower harms all alike. The first round only warms up. What the tools leave
behind is compared, so that nobody is fast by doing less. Never prints.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from bench import tools
from bench.errors import BenchError
from bench.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bench.projects import Work

LEFT = """
select count(*) from pg_catalog.pg_class as c
where c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema')
  and c.relnamespace::regnamespace::text !~ '^(pg_toast|sqitch$)'
"""
LOGGED = "select count(*) from sqitch.changes"
SLOW_SECONDS = 5.0  # progress is told of what takes longer
MARGIN = 1.3  # a round takes longer than the processes in it
TWICE = ("deploy --verify",)  # a step that needs a fresh database of its own


@dataclass(frozen=True, slots=True)
class Case:
    """
    A plan on a line.

    Args: rounds: how many count, by tool; warm: the tools that warm up first.
    """

    name: str
    work: Work
    delay_ms: int
    steps: tuple[str, ...]
    rounds: Mapping[str, int]
    warm: tuple[str, ...] = tools.TOOLS


@dataclass
class Bench:
    """
    A server on which cases are measured.

    Args: admin: conninfo for what is not timed; links: ways to it, by added ms; home:
        an empty directory; deadline: time.monotonic() after which no further round of
        a case begins; tell: called with a line of progress.
    """

    admin: Callable[[str], str]
    links: Mapping[int, tools.Link]
    home: Path
    deadline: float
    tell: Callable[[str], None]
    _names: int = field(default=0, init=False)

    def run(self, case: Case) -> Result:
        """
        Measure a case; at least one round, then as many as it wants and time allows.

        Raises: BenchError: a tool failed, or did not do what the others did.
        """
        found: dict[str, dict[str, list[float]]] = {
            step: {tool: [] for tool in tools.TOOLS} for step in case.steps
        }
        self.tell(f"{case.name}: warm-up")
        last = self._round(case, case.warm, 0)
        for number in range(1, max(case.rounds.values()) + 1):
            wanted = [t for t in tools.TOOLS if case.rounds[t] >= number]
            taking = tuple(self._in_time(wanted, last)) if number > 1 else wanted
            if missing := sorted(set(wanted) - set(taking)):
                self.tell(f"{case.name}: no time for {', '.join(missing)}")
            if not taking:
                break
            self.tell(f"{case.name}: round {number} ({', '.join(taking)})")
            took = self._round(case, tuple(taking), number)
            for (step, tool), each in took.items():
                found[step][tool].append(round(each, 5))
            last |= took
        return Result(case.name, case.work.changes, case.delay_ms, found)

    def _in_time(
        self, wanted: list[str], last: Mapping[tuple[str, str], float]
    ) -> list[str]:
        """Return the tools whose next round ends in time; the slow one is left out."""
        while wanted:
            need = MARGIN * sum(each for (_, t), each in last.items() if t in wanted)
            if time.monotonic() + need < self.deadline:
                return wanted
            wanted = wanted[1:]
        return wanted

    def _round(
        self, case: Case, taking: tuple[str, ...], number: int
    ) -> dict[tuple[str, str], float]:
        """Let each tool do each step once, step by step."""
        order = taking if number % 2 else taking[::-1]
        link = self.links[case.delay_ms]
        environ = tools.environment(self.home, link)
        took: dict[tuple[str, str], float] = {}
        names: dict[str, str] = {}
        try:
            for step in case.steps:
                if not names or step in TWICE:
                    self._drop(names)
                    names |= self._fresh(order)
                for tool in order:
                    argv = tools.command(tool, step, case.work, link, names[tool])
                    took[step, tool] = tools.seconds(argv, case.work, environ)
                    if took[step, tool] > SLOW_SECONDS:
                        self.tell(f"  {tool}: {step}, {took[step, tool]:.1f} s")
                self._compare(f"{case.name}, {step}", case, step, names)
        finally:
            self._drop(names)
        return took

    def _fresh(self, order: tuple[str, ...]) -> dict[str, str]:
        """Make an empty database for each tool and return its name."""
        names: dict[str, str] = {}
        with psycopg.connect(self.admin("postgres"), autocommit=True) as connection:
            for tool in order:
                self._names += 1
                names[tool] = f"bench_{tool}_{self._names}"
                create = f"create database {names[tool]} template template0"
                connection.execute(create.encode())
        return names

    def _drop(self, names: dict[str, str]) -> None:
        """Drop the databases of the tools, and forget their names."""
        with psycopg.connect(self.admin("postgres"), autocommit=True) as connection:
            while names:
                _, name = names.popitem()
                connection.execute(f"drop database {name} with (force)".encode())

    def _compare(
        self, where: str, case: Case, step: str, names: Mapping[str, str]
    ) -> None:
        """Count what is there: the same for all, and logged by those that log."""
        left: defaultdict[str, list[int]] = defaultdict(list)
        for tool, name in names.items():
            with psycopg.connect(self.admin(name)) as connection:
                for what, query in (("relations", LEFT), ("changes", LOGGED)):
                    if (tool, what) != ("floor", "changes"):
                        row = connection.execute(query.encode()).fetchone()
                        left[what].append(row[0] if row else 0)
        logged = 0 if step == "revert" else case.work.changes
        if len(set(left["relations"])) > 1 or set(left["changes"]) - {logged}:
            raise BenchError.differs(where, dict(left) | {"tools": list(names)})
