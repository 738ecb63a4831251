"""
What the page shows of a proof, made ready: grids, lines, bars, runs, parts and tiles.

A bar is all that one persona's command on one kind of row came to, column by column.
May import lower floors; pure, knows no HTML.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from learnplan_db.evidence import terms
from learnplan_db.proof.nouns import PERSONAS, ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from learnplan_db.proof.nouns import Finding, Proof, Result

# Commands in the order in which they stand, each with its letter in the overview.
LETTERS = {
    "select": "S",
    "insert": "I",
    "update": "U",
    "delete": "D",
    "move": "M",
    "execute": "X",
}
RIGHTS = "R"  # whatever else: rights on a table as a whole
SLOTS = ("SX", "I", "U", "D", "M", RIGHTS)  # what is executed is not selected from


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring columns with one outcome; ``wrong`` where accounts disagree."""

    outcome: str
    wrong: bool
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Columns of a bar for which all accounts said the same things."""

    results: tuple[Result, ...]
    wrong: bool
    findings: tuple[int, ...]

    @property
    def first(self) -> Result:
        """Return one of the results; the others differ in column and statement only."""
        return self.results[0]

    @property
    def columns(self) -> str:
        """Return the columns, in words."""
        return ", ".join(one.cell.column for one in self.results if one.cell.column)

    @property
    def statements(self) -> str:
        """Return the statements, a line each."""
        return "\n".join(terms.spread(one.got.statement for one in self.results))


@dataclass(frozen=True, slots=True)
class Bar:
    """All cells of one persona, command and kind of row."""

    id: str
    name: str
    persona: str
    runs: tuple[Run, ...]
    parts: tuple[Part, ...]

    @property
    def count(self) -> int:
        """Return how many cells of the matrix it holds."""
        return sum(len(run.columns) for run in self.runs)

    @property
    def findings(self) -> tuple[int, ...]:
        """Return the places of its findings among all."""
        return tuple(place for part in self.parts for place in part.findings)

    @property
    def label(self) -> str:
        """Return in words what the picture shows."""
        counts: Counter[str] = Counter()
        for run in self.runs:
            word = f"{run.outcome}, disagrees" if run.wrong else run.outcome
            counts[word] += len(run.columns)
        if self.count == 1:
            return f"{self.name}: {next(iter(counts))}"
        words = (f"{number} {word}" for word, number in counts.items())
        return f"{self.name}: {'; '.join(words)}"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a grid: a command on a kind of row, a bar a persona."""

    command: str
    row: str
    bars: dict[str, Bar]


@dataclass(frozen=True, slots=True)
class Tile:
    """What the overview shows of a persona's command: none, some or all of it works."""

    letter: str
    command: str
    works: str
    wrong: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """One table, view or "functions"."""

    id: str
    name: str
    personas: tuple[str, ...]
    lines: tuple[Line, ...]
    tiles: dict[str, dict[str, Tile]]
    policies: tuple[str, ...]
    grants: tuple[str, ...]
    count: int
    wrong: int

    @property
    def bars(self) -> list[Bar]:
        """Return all bars, line by line."""
        return [bar for line in self.lines for bar in line.bars.values()]


@dataclass(slots=True)
class _Names:
    """Ids of the page: readable, unique, and the same for the same proof."""

    used: Counter[str] = field(default_factory=Counter)

    def give(self, *words: str) -> str:
        name = re.sub(r"[^a-z0-9_]+", "-", "-".join(filter(None, words)).lower())
        self.used[name] += 1
        again = self.used[name]
        return f"c-{name}" + (f"--{again}" if again > 1 else "")


def ordered(personas: Iterable[str]) -> tuple[str, ...]:
    """Return the different personas in their usual order."""
    there = terms.spread(personas)
    known = [one for one in PERSONAS if one in there]
    return (*known, *(one for one in there if one not in PERSONAS))


def grids(proof: Proof, found: Sequence[Finding]) -> list[Grid]:
    """Return a grid a table, with the places of findings among those found."""
    names = _Names()
    numbers = {one: number for number, one in enumerate(found)}
    places = {
        name: [numbers[one] for one in own]
        for name, own in terms.by_name(proof).items()
    }
    tables: dict[str, list[Result]] = defaultdict(list)
    for result in proof.results:
        tables[result.cell.table].append(result)
    return [
        _grid(proof, table, results, places, names) for table, results in tables.items()
    ]


def _grid(
    proof: Proof,
    table: str,
    results: list[Result],
    places: dict[str, list[int]],
    names: _Names,
) -> Grid:
    order = {
        name: place
        for place, name in enumerate(terms.spread(r.cell.column for r in results))
    }
    lines: dict[tuple[str, str], dict[str, list[Result]]] = defaultdict(dict)
    for result in results:
        cell = result.cell
        line = lines[cell.command, cell.row]
        line.setdefault(cell.persona, []).append(result)
    made = [
        Line(
            command,
            row,
            {
                who: _bar(
                    sorted(own, key=lambda r: order[r.cell.column]), places, names
                )
                for who, own in line.items()
            },
        )
        for (command, row), line in lines.items()
    ]
    made.sort(key=_rank)
    personas = ordered(result.cell.persona for result in results)
    return Grid(
        id=names.give("table", table),
        name=table,
        personas=personas,
        lines=tuple(made),
        tiles={who: _tiles(results, who, places) for who in personas},
        policies=tuple(proof.policies.get(table, ())),
        grants=tuple(proof.grants.get(table, ())),
        count=len(results),
        wrong=sum(_wrong(result, places) for result in results),
    )


def _rank(line: Line) -> int:
    # The sort is stable: what has no letter stays last, as it comes.
    commands = list(LETTERS)
    return commands.index(line.command) if line.command in LETTERS else len(commands)


def _wrong(result: Result, places: dict[str, list[int]]) -> bool:
    return not result.agreed or result.cell.name in places


def _bar(results: list[Result], places: dict[str, list[int]], names: _Names) -> Bar:
    cell = results[0].cell

    def looks(result: Result) -> tuple[str, bool]:
        became = terms.became(result.got.outcome, result.cell.column)
        return became, _wrong(result, places)

    runs = [
        Run(outcome, wrong, tuple(result.cell.column for result in run))
        for (outcome, wrong), run in groupby(results, looks)
    ]
    return Bar(
        id=names.give(cell.table, cell.command, cell.persona, cell.row),
        name=" ".join(filter(None, [cell.persona, cell.command, cell.table, cell.row])),
        persona=cell.persona,
        runs=tuple(runs),
        parts=tuple(_split(results, places)),
    )


def _split(results: list[Result], places: dict[str, list[int]]) -> list[Part]:
    parts: dict[Any, list[Result]] = defaultdict(list)
    for one in results:
        got, cell = one.got, one.cell
        own = tuple(places.get(cell.name, ()))
        accounts = (terms.expects(cell), _kinds(one), got.message)
        parts[_wrong(one, places), *accounts, cell.because, cell.where, own].append(one)
    made = [Part(tuple(all_), key[0], key[-1]) for key, all_ in parts.items()]
    return sorted(made, key=lambda part: not part.wrong)


def _kinds(one: Result) -> tuple[Any, ...]:
    return tuple(
        (outcome.kind, outcome.rows, one.cell.column in outcome.stamped)
        for outcome in (one.model, one.got.outcome)
    )


def slots(proof: Proof) -> list[str]:
    """Return the places in a row of the overview, each with the letters it may hold."""
    there = {_letter(result.cell.command) for result in proof.results}
    return [slot for slot in SLOTS if there.intersection(slot)]


def _letter(command: str) -> str:
    return LETTERS.get(command, RIGHTS)


def _tiles(
    results: list[Result], persona: str, places: dict[str, list[int]]
) -> dict[str, Tile]:
    commands: dict[str, list[Result]] = defaultdict(list)
    for one in results:
        if one.cell.persona == persona:
            commands[_letter(one.cell.command)].append(one)
    words = {letter: command for command, letter in LETTERS.items()}
    made = {}
    for letter, own in commands.items():
        worked = sum(one.got.outcome.kind == ROWS for one in own)
        works = "all" if worked == len(own) else "some" if worked else "none"
        wrong = any(_wrong(one, places) for one in own)
        made[letter] = Tile(letter, words.get(letter, "other rights"), works, wrong)
    return made
