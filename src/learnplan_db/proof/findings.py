"""
What a finding shows: the rule, who did what, what was in force, and how to do it again.

May import nouns, situations, statements, reference and search; never connects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from learnplan_db.proof import situations
from learnplan_db.proof.nouns import KEYS, Actor, Command, Finding, World
from learnplan_db.proof.reference import judge
from learnplan_db.proof.statements import VIEW_ROWS, Wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from learnplan_db.proof.looks import Surprise
    from learnplan_db.proof.nouns import (
        Cell,
        Observed,
        Outcome,
        Result,
        Row,
    )
    from learnplan_db.proof.search import Disagreement

    Lines = Mapping[str, tuple[str, ...]]

# Scripts are the same whenever they are written.
_SCRIPTED = UUID("6c70726f-6f66-4000-8000-000000000000")
_NAMES = {
    "user": "a signed-in user",
    "anonymous": "anonymous",
    "service": "the service",
}
_SERVICE = Actor("service")


@dataclass(frozen=True, slots=True)
class Facts:
    """Role names, the matrix, and policies and grants by table: what findings show."""

    roles: Mapping[str, str]
    cells: Sequence[Cell]
    policies: Lines
    grants: Lines

    def of_cell(self, result: Result) -> Finding:
        """Return the finding of a cell on which the accounts disagree."""
        cell = result.cell
        actor, command = situations.actor(cell), situations.command(cell)
        says = _said(cell.outcome, stamped=[cell.column] if cell.stamped else [])
        expected = f"{says} (matrix, {cell.where})"
        if _told(result.model) != says:
            expected += f"; but {_told(result.model)} (model)"
        elif result.model.rows != result.got.outcome.rows:
            expected += _of(result.model)
        world = situations.world()
        return Finding(
            account="matrix",
            name=cell.name,
            rule=cell.because,
            who=f"{cell.persona}, {_who(actor, self.roles)}",
            did=result.got.statement,
            expected=expected,
            got=_came(result.got),
            where=cell.where,
            policies=self.policies_of(actor, command),
            grants=self.grants_of(actor, command),
            script=script(
                world, [(actor, command)], self.roles, f"{cell.name}: {expected}"
            ),
        )

    def of_play(self, account: str, found: Disagreement) -> Finding:
        """Return the finding of a world in which the model and the database differ."""
        actor, command = found.plays[-1]
        cell = self.nearest(command, found.expected)
        name = f"{actor.user or actor.kind} {command.verb} {command.table}"
        if command.row:
            name += f" {command.row}"
        expected = f"{_told(found.expected)}{_of(found.expected)} (model)"
        done = "".join(
            f"{_who(a, self.roles)}: {c.verb}; " for a, c in found.plays[:-1]
        )
        rows = len(found.world.rows)
        return Finding(
            account=account,
            name=name,
            rule=cell.because if cell else "",
            who=_who(actor, self.roles),
            did=f"in a world of {rows} rows, {done}{found.got.statement}",
            expected=expected,
            got=_came(found.got),
            where=cell.where if cell else f"policies/{command.table}.matrix.toml",
            policies=self.policies_of(actor, command),
            grants=self.grants_of(actor, command),
            script=script(found.world, found.plays, self.roles, f"{name}: {expected}"),
        )

    def of_effect(self, found: Surprise) -> Finding:
        """Return the finding of a command that worked, but not as it must."""
        actor = Actor(found.kind, found.user or None)
        command = Command(found.verb, found.table)
        return Finding(
            account="effects",
            name=found.name,
            rule=found.rule,
            who=_who(actor, self.roles),
            did=found.did,
            expected=found.expected,
            got=found.got,
            where=found.where,
            policies=self.policies_of(actor, command),
            grants=self.grants_of(actor, command),
        )

    def nearest(self, command: Command, expected: Outcome) -> Cell | None:
        """Return a cell of the same command, if possible of the same outcome."""
        cells = [
            cell
            for cell in self.cells
            if (cell.table, cell.command) == (command.table, command.verb)
        ]
        alike = [cell for cell in cells if cell.outcome == expected.kind]
        return next(iter(alike or cells), None)

    def policies_of(self, actor: Actor, command: Command) -> tuple[str, ...]:
        """Return the policies that decide on a command."""
        role = self.roles[actor.kind]
        return involved(self.policies, command.table, command.verb, role)

    def grants_of(self, actor: Actor, command: Command) -> tuple[str, ...]:
        """Return the grants that decide on a command."""
        role = self.roles[actor.kind]
        lines = self.grants.get(command.table, ())
        return tuple(one for one in lines if one.partition(":")[0] in {role, "public"})


def _came(got: Observed) -> str:
    more = f": {got.message}" if got.message else _of(got.outcome)
    return _told(got.outcome) + more


def _of(outcome: Outcome) -> str:
    """Return which rows an outcome is of, in words."""
    return f" of {', '.join(sorted(outcome.rows))}" if outcome.rows else ""


def telling(results: Sequence[Result]) -> list[Result]:
    """
    Return the results that are findings, each fault once.

    A blind statement gives a result for each row that it may reach; those that came
    out as they should tell nothing beside those that did not.
    """
    differ = [result for result in results if not result.agreed]
    known: set[tuple[str, ...]] = set()
    found = []
    for result in sorted(differ, key=_as_expected):
        cell = result.cell
        key = (cell.table, cell.command, cell.persona, cell.column)
        if _as_expected(result) and key in known:
            continue
        known.add(key)
        found.append(result)
    return sorted(found, key=differ.index)


def _as_expected(result: Result) -> bool:
    kinds = {result.cell.outcome, result.model.kind, result.got.outcome.kind}
    return len(kinds) == 1 and not (result.cell.stamped or result.got.outcome.stamped)


def _said(kind: str, stamped: Iterable[str]) -> str:
    columns = ", ".join(sorted(stamped))
    return f"{kind}, {columns} set by the database" if columns else kind


def _told(outcome: Outcome) -> str:
    """Return an outcome in words."""
    return _said(outcome.kind, outcome.stamped)


def _who(actor: Actor, roles: Mapping[str, str]) -> str:
    user = f' "{actor.user}"' if actor.user else ""
    return f'{_NAMES[actor.kind]}{user} as role "{roles[actor.kind]}"'


def involved(policies: Lines, table: str, verb: str, role: str) -> tuple[str, ...]:
    """
    Return the policies that decided, as lines.

    An update or delete that reads asks the SELECT policies too.
    """
    verbs = {"update": ("update", "select"), "delete": ("delete", "select")}
    wanted = ("all", *verbs.get(verb, (verb,)))
    found = []
    for line in policies.get(VIEW_ROWS.get(table, table), ()):
        command, _, rest = line.partition(" for ")[2].partition(" to ")
        named = rest.partition(" using ")[0].partition(" with check ")[0].split(", ")
        if command in wanted and {role, "public"} & set(named):
            found.append(line)
    return tuple(found)


def needed(world: World, plays: Sequence[tuple[Actor, Command]]) -> World:
    """
    Return the rows of a world without which the plays would be others.

    Kin is enough, but for a row that is refused because of another one's place.
    """
    few = _kin(world, plays)
    return few if _verdicts(few, plays) == _verdicts(world, plays) else world


def _verdicts(world: World, plays: Sequence[tuple[Actor, Command]]) -> list[Outcome]:
    """Return what the model says of each play."""
    found = []
    for actor, command in plays:
        outcome, world = judge(world, actor, command)
        found.append(outcome)
    return found


def _kin(world: World, plays: Sequence[tuple[Actor, Command]]) -> World:
    """Return who plays, the rows they name, and the parents of these."""
    wanted: set[tuple[str, str]] = set()
    for actor, command in plays:
        table = VIEW_ROWS.get(command.table, command.table)
        if actor.user:
            wanted.add(("users", actor.user))
        if command.row is None or table not in KEYS:
            return world
        wanted.add((table, command.row))
        wanted |= _parents(table, command.values)
    for row in reversed(world.rows):
        if (row.table, row.id) in wanted:
            wanted |= _parents(row.table, row.values)
    return World(tuple(row for row in world.rows if (row.table, row.id) in wanted))


def _parents(table: str, values: Mapping[str, object]) -> set[tuple[str, str]]:
    named = ((parent, values.get(key)) for key, parent in KEYS[table].items())
    return {(parent, str(word)) for parent, word in named if word is not None}


def script(
    world: World,
    plays: Sequence[tuple[Actor, Command]],
    roles: Mapping[str, str],
    about: str,
) -> str:
    """Return a psql script that makes the world, plays, and takes all back."""
    wording = Wording(_SCRIPTED, roles)
    rows: Sequence[Row] = needed(world, plays).rows
    lines = [
        *(f"-- {line}" for line in about.split("\n")),
        "\\set ON_ERROR_STOP on",
        "begin;",
        "set local row_security = on;",
        f"{wording.become(_SERVICE)};",
        *(f"{wording.row(row)};" for row in rows),
        "\\set ON_ERROR_STOP off",
    ]
    for actor, command in plays:
        lines += [
            "savepoint play;",
            f"{wording.become(actor)};",
            f"-- {_who(actor, roles)}",
            f"{wording.statement(command, world)};",
            "\\if :ERROR",
            "rollback to savepoint play;",
            "\\endif",
        ]
    return "\n".join([*lines, "rollback;"]) + "\n"
