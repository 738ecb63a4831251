"""
The nouns of the proof: who does what in which world, and what came of it.

The matrix, the reference model and the database all speak in these. Rows have words
for ids ("ada", "plan_1"), so that no account knows what another makes of them. May
import nothing of the package; holds no rule.
Source: style, personas and outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Values = Mapping[str, Any]

# Parents before children: rows can be inserted in this order.
TABLES = (
    "users",
    "learning_plans",
    "modules",
    "tasks",
    "resources",
    "task_resources",
    "task_progress",
    "plan_generations",
)
VIEWS = ("module_progress", "plan_progress")
# Foreign keys by table: column to the table that it names a row of.
KEYS: Mapping[str, Mapping[str, str]] = {
    "users": {},
    "learning_plans": {"user_id": "users"},
    "modules": {"plan_id": "learning_plans"},
    "tasks": {"module_id": "modules"},
    "resources": {},
    "task_resources": {"task_id": "tasks", "resource_id": "resources"},
    "task_progress": {"task_id": "tasks", "user_id": "users"},
    "plan_generations": {"plan_id": "learning_plans"},
}
ROWS, HIDDEN = "rows", "hidden"
BY_POLICY, BY_GRANT = "refused-by-policy", "refused-by-grant"
BY_TRIGGER, BY_CONSTRAINT = "refused-by-trigger", "refused-by-constraint"
OUTCOMES = (ROWS, HIDDEN, BY_POLICY, BY_GRANT, BY_TRIGGER, BY_CONSTRAINT)
PERSONAS = ("owner", "stranger", "reader", "anonymous", "service")


@dataclass(frozen=True, slots=True)
class Row:
    """
    One row of a world.

    ``values`` holds foreign keys as words, and any other column that matters, as
    Python values (``order``, ``visibility``, ``status``); the rest is filled in.
    """

    table: str
    id: str
    values: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class World:
    """All rows there are, each after those that it refers to."""

    rows: tuple[Row, ...] = ()

    def of(self, table: str) -> dict[str, Row]:
        """Return the rows of a table by their word."""
        return {row.id: row for row in self.rows if row.table == table}

    def find(self, table: str, word: object) -> Row | None:
        """Return one row, or None."""
        return next((r for r in self.rows if r.table == table and r.id == word), None)


@dataclass(frozen=True, slots=True)
class Actor:
    """
    Who asks: ``kind`` is "user", "anonymous" or "service".

    A user is known by the token's subject, which is that of the users row ``user``,
    whether there is such a row or not. With ``email`` (the word of the user whose
    address it is) the token also holds the users.id, as that of a signup does, and
    says whether the address is verified.
    """

    kind: str
    user: str | None = None
    email: str | None = None
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """
    One statement on one table, view or function.

    ``verb`` is select, insert, update, delete; truncate, references, trigger or
    maintain; or execute, with ``table`` "functions" and the function as ``row``.
    ``row`` is the word of the row that is read or written, or of the new one; None is
    the whole table: a select of all rows, a blind update or delete, which read no
    column. ``values`` are the columns that an insert or update writes; an insert
    names ``id`` there only if the statement gives it.
    """

    verb: str
    table: str
    row: str | None = None
    values: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What came of a command: one of OUTCOMES, or what the server said instead.

    ``rows`` are the words of the rows read or written, of those in the world.
    ``stamped`` are columns that were given, but set by the database instead.
    """

    kind: str
    rows: frozenset[str] = frozenset()
    stamped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cell:
    """
    One cell of the access matrix: a persona, a command, a kind of row, a column.

    ``row`` and ``column`` are empty where the command has none. ``because`` is the
    outline's sentence, ``where`` the file and line that say so. ``stamped``: the
    command works, but the database sets this column itself.
    """

    table: str
    command: str
    persona: str
    row: str
    column: str
    outcome: str
    because: str
    where: str
    stamped: bool = False

    @property
    def name(self) -> str:
        """Return what the cell is called: ``stranger update modules(title) public``."""
        column = f"({self.column})" if self.column else ""
        return " ".join(
            filter(None, [self.persona, self.command, self.table + column, self.row])
        )


@dataclass(frozen=True, slots=True)
class Observed:
    """What the database did: ``statement`` as sent, ``message`` of a refusal."""

    outcome: Outcome
    statement: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One cell, what the reference model says of it, and what the database did."""

    cell: Cell
    model: Outcome
    got: Observed

    @property
    def agreed(self) -> bool:
        """Whether all three accounts say the same."""
        cell, got = self.cell, self.got.outcome
        return (
            cell.outcome == self.model.kind == got.kind
            and self.model.rows == got.rows
            and all(
                cell.stamped == (cell.column in one.stamped)
                for one in (self.model, got)
            )
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Two accounts that disagree.

    ``account`` is which comparison found it: "matrix", "effects", "random",
    "exhaustive", or "rows" that are really there.
    ``policies`` and ``grants`` are those that the server applied, as it shows them.
    ``script`` is for psql: it makes the world, does it again, and rolls back.
    ``where`` is the file and line of the rule.
    """

    account: str
    name: str
    rule: str
    who: str
    did: str
    expected: str
    got: str
    where: str
    policies: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    script: str = ""


@dataclass(frozen=True, slots=True)
class Unasked:
    """A cell that only reading cannot ask, or not to its end, and why."""

    cell: Cell
    why: str


@dataclass(frozen=True, slots=True)
class Proof:
    """
    All that was tried on one target; ``seconds`` in total.

    ``tried`` counts commands by account: "matrix", "effects", "exhaustive", "random",
    "rows". ``policies`` and ``grants`` are by table, as the server shows them.
    ``unproved`` are tables and columns of the schema that no matrix speaks of.
    One that only read has ``rows``: by table how many it read, and whether these are
    all there are; and ``unasked``, the cells that it says nothing about.
    """

    target: str
    server: str
    seconds: float
    results: tuple[Result, ...]
    findings: tuple[Finding, ...]
    tried: Mapping[str, int]
    seed: int | None = None
    policies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    grants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unproved: tuple[str, ...] = ()
    rows: Mapping[str, tuple[int, bool]] | None = None
    unasked: tuple[Unasked, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing that was tried disagrees."""
        return not self.findings

    @property
    def read_only(self) -> bool:
        """Whether this is a part of a proof: what can be asked without writing."""
        return self.rows is not None


@dataclass(frozen=True, slots=True)
class Mutant:
    """
    One fault in the security surface: ``statements`` make it, as the schema's owner.

    ``name`` is unique and stable over runs, ``kind`` the sort of fault, ``object``
    what it damages (a table's name where there is one), ``says`` it in words.
    """

    name: str
    kind: str
    object: str
    statements: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What became of a mutant: ``killer`` is "matrix", "model", "verify" or "tests".

    It is "equivalent" for one that is shown to change nothing, and empty for a
    survivor. ``by`` names the cell, the change, the test, or the reason.
    """

    mutant: Mutant
    killer: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Mutation:
    """The verdicts on all mutants; ``stale`` are entries that are survivors no more."""

    verdicts: tuple[Verdict, ...]
    seconds: float
    stale: tuple[str, ...] = ()

    def counted(self, *killers: str) -> int:
        """Return how many verdicts name one of these killers."""
        return sum(one.killer in killers for one in self.verdicts)

    @property
    def score(self) -> float:
        """Return the percentage killed of those that are not equivalent."""
        judged = len(self.verdicts) - self.counted("equivalent")
        killed = judged - self.counted("")
        return 100.0 * killed / judged if judged else 100.0


def words(world: World, tables: Iterable[str] = TABLES) -> set[str]:
    """Return the words of all rows of these tables."""
    return {row.id for row in world.rows if row.table in set(tables)}
