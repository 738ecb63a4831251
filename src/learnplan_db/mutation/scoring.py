"""
The mutation score: would the proof notice, if this policy or that grant were wrong?

Each fault is made on the live schema inside a savepoint of a transaction that is never
committed, and then matrix, model and verify scripts are asked until one says no: those
near the damage before the rest. May import lower floors; never prints.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg

from learnplan_db.engine.progress import Progress, silent
from learnplan_db.errors import MutationError, ProofError
from learnplan_db.mutation import mutants as faults
from learnplan_db.mutation.equivalents import equivalents
from learnplan_db.proof.grid import FUNCTIONS
from learnplan_db.proof.nouns import KEYS, TABLES, VIEWS, Mutation, Verdict
from learnplan_db.proof.prover import DEFAULTS, cells_of, examining, prepared, roles
from learnplan_db.proof.search import Search
from learnplan_db.proof.statements import VIEW_ROWS
from learnplan_db.psql import script
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from pathlib import Path

    from learnplan_db.engine.progress import Tell
    from learnplan_db.engine.state import Project
    from learnplan_db.proof.nouns import Mutant
    from learnplan_db.proof.prover import Case, Examination
    from learnplan_db.security.variables import Variables

    Connection = psycopg.Connection[Any]

FILE = "equivalent-mutants.toml"
# Changes that guard what belongs to no table, and what belongs to a view.
_SHARED = (
    "policy_functions",
    "policy_roles",
    "role_learnplan_identity",
    "role_learnplan_reader",
    "schema_learnplan_private",
)
_OF_VIEWS = ("policy_views",)
# No command shows them, so the verify scripts are asked before any cell: who may hand
# a right on, functions out of everybody's reach, and where a body looks names up.
UNSEEN = frozenset(
    """
    column-option function-granted function-option function-path function-widened
    schema-option table-option
    """.split()  # noqa: SIM905 - a list of words reads better than of literals
)
_Parts: TypeAlias = "tuple[list[Case], list[Case], list[Case]]"


def mutate(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    project: Project,
    *,
    directory: Path | None = None,
    variables: Variables = DEFAULTS,
    kinds: Collection[str] = (),
    tell: Tell = silent,
) -> Mutation:
    """
    Make every mutant of the security surface, and tell which check noticed it.

    Holds ACCESS EXCLUSIVE locks on the tables while it runs: a scratch database or a
    copy is the place for it.
    Args: project: whose verify scripts are asked; directory: holds the matrix and the
        equivalent mutants, else the packaged one; kinds: only these mutants.
    Raises: ProofError: the login may not alter the schema, or the database does not
        even pass without a fault. MatrixError, MutationError: a file is malformed.
    """
    started = time.perf_counter()
    known = _known(directory, variables)
    cells = cells_of(directory, variables)
    with (
        prepared(connection, cells, variables),
        examining(connection, cells, variables) as one,
    ):
        _demand_owner(connection)
        surgery = _Surgery(one, _verify_scripts(project))
        surgery.demand_health()
        every = faults.mutants(connection, variables)
        names = faults.names(connection, variables)
        if kinds:
            every = _of_kinds(every, kinds, faults.skipped(connection, variables))
        verdicts = list(_judged(surgery, every, known, tell))
    killed = {v.mutant.name for v in verdicts if v.killer not in {"", "equivalent"}}
    stale = tuple(name for name in known if name in killed or name not in names)
    return Mutation(tuple(verdicts), time.perf_counter() - started, stale)


def _known(directory: Path | None, variables: Variables) -> dict[str, str]:
    """Return the equivalent mutants, which a file names with the default roles."""
    path = (directory or config.project_root(None) / "policies") / FILE
    known = equivalents(path, shown=f"policies/{FILE}")
    own = dict(zip(roles(DEFAULTS).values(), roles(variables).values(), strict=True))
    words = re.compile(rf"\b(?:{'|'.join(own)})\b")
    return {words.sub(lambda m: own[m[0]], name): known[name] for name in known}


def _of_kinds(
    every: Sequence[Mutant], kinds: Collection[str], skipped: Mapping[str, str]
) -> list[Mutant]:
    known = list(dict.fromkeys(mutant.kind for mutant in every))
    for kind in kinds:
        if kind not in {*known, *skipped}:
            raise MutationError.unknown_kind(kind, known)
    left = [kind for kind in kinds if kind not in known]
    if len(left) == len(kinds):
        raise MutationError.left_out(left[0], skipped[left[0]])
    return [mutant for mutant in every if mutant.kind in kinds]


def _judged(
    surgery: _Surgery, every: Sequence[Mutant], known: dict[str, str], tell: Tell
) -> Iterator[Verdict]:
    kinds = dict.fromkeys(mutant.kind for mutant in every)
    width = max(map(len, kinds), default=0)
    for kind in kinds:
        tell(Progress("mutate", kind, "start", width=width))
        own = [mutant for mutant in every if mutant.kind == kind]
        verdicts = []
        for mutant in own:
            verdict = surgery.verdict(mutant)
            if not verdict.killer and mutant.name in known:
                verdict = Verdict(mutant, "equivalent", known[mutant.name])
            verdicts.append(verdict)
        survived = sum(not verdict.killer for verdict in verdicts)
        state = "not ok" if survived else "ok"
        tell(Progress("mutate", kind, state, count=len(own), width=width))
        yield from verdicts


def _demand_owner(connection: Connection) -> None:
    """Raise unless the login may alter the schema."""
    owner, login, may = connection.execute(
        """select pg_catalog.pg_get_userbyid(nspowner), session_user,
            pg_catalog.pg_has_role(session_user, nspowner, 'MEMBER')
        from pg_catalog.pg_namespace where nspname = 'learnplan'"""
    ).fetchall()[0]
    if not may:
        raise ProofError.not_owner(login, owner, connection.info.dbname)


def _verify_scripts(project: Project) -> dict[str, bytes]:
    """Return the statements of each change's verify script, by the change's name."""
    found = {}
    for change in project.plan.changes:
        if change.reworked_tags:
            continue  # a later change speaks of its object
        data = project.scripts.read("verify", change)
        read = script.read(data, project.scripts.shown("verify", change))
        texts = read.texts[1:-1] if read.trial else read.texts
        found[change.name] = ";\n".join(texts).encode()
    return found


class _Surgery:
    """A database on which faults are made, one at a time, and all that is asked."""

    def __init__(self, examination: Examination, verify: dict[str, bytes]) -> None:
        self.examination, self.verify = examination, verify
        self.connection = examination.connection
        self._parts: dict[str, _Parts] = {}
        variables = examination.variables
        self.search = Search(
            self.connection,
            examination.wording.roles,
            anyone=variables.anon_reads_resources,
        )

    def demand_health(self) -> None:
        """Raise unless everything passes while nothing is wrong."""
        for _, check in self._checks("", ""):
            if by := check():
                raise ProofError.unhealthy(by, self.connection.info.dbname)

    def verdict(self, mutant: Mutant) -> Verdict:
        """Make one fault, ask until somebody notices, and take it back."""
        with self.connection.transaction(force_rollback=True):
            for statement in mutant.statements:
                self.connection.execute(statement.encode())
            for killer, check in self._checks(mutant.object, mutant.kind):
                if by := check():
                    return Verdict(mutant, killer, by)
        return Verdict(mutant, "")

    def _checks(
        self, damaged: str, kind: str
    ) -> Iterator[tuple[str, Callable[[], str]]]:
        """
        Yield what is asked, the quickest to notice first.

        Of a table, its own cells and the changes that made it; of anything else, one
        column of every kind of cell and its own changes; then all the rest.
        """
        near, others, rest = self._parts_of(damaged)
        shared = _OF_VIEWS if damaged in VIEWS else () if near else _SHARED
        own = [n for n in self.verify if damaged and (damaged in n or n in shared)]
        far = [name for name in self.verify if name not in own]
        first: list[tuple[str, Callable[[], str]]] = [
            ("matrix", lambda: self._matrix(near or others)),
            ("verify", lambda: self._verify(own)),
        ]
        yield from reversed(first) if kind in UNSEEN else first
        yield "matrix", lambda: self._matrix([*others, *rest] if near else rest)
        yield "model", self._model
        yield "verify", lambda: self._verify(far)

    def _parts_of(self, damaged: str) -> _Parts:
        """
        Return an object's cells, a column each of those below it, and the rest.

        The first column of every kind of cell comes before all other columns.
        """
        if damaged not in self._parts:
            affected = _below(damaged)
            near: list[Case] = []
            more: list[Case] = []
            others: list[Case] = []
            rest: list[Case] = []
            seen = set()
            for case in self.examination.cases:
                cell = case.cell
                sort = (cell.table, cell.command, cell.persona, cell.row)
                if cell.table == damaged:
                    (more if sort in seen else near).append(case)
                elif cell.table in affected and sort not in seen:
                    others.append(case)
                else:
                    rest.append(case)
                seen.add(sort)
            self._parts[damaged] = ([*near, *more], others, rest)
        return self._parts[damaged]

    def _matrix(self, cases: Sequence[Case]) -> str:
        """Return the first cell on which the accounts disagree."""
        results = self.examination.results(cases)
        return next((r.cell.name for r in results if not r.agreed), "")

    def _model(self) -> str:
        """Return the first command that comes out otherwise in a small world."""
        try:
            found = self.search.sample()
        except ProofError as error:
            return error.message.partition("\n")[0]
        if not found:
            return ""
        actor, command = found[0].plays[-1]
        return f"{actor.user or actor.kind} {command.verb} {command.table}"

    def _verify(self, names: Iterable[str]) -> str:
        """Return the first change whose verify script fails."""
        return next((name for name in names if self._fails(self.verify[name])), "")

    def _fails(self, text: bytes) -> bool:
        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute(text)
        except psycopg.Error as error:
            if self.connection.closed:
                raise
            return bool(error)
        return False


def _below(table: str) -> set[str]:
    """Return the tables and views whose rows a table's rules may decide; else all."""
    if table not in TABLES:
        return {*TABLES, *VIEWS, FUNCTIONS}
    found = {table}
    for child in TABLES:  # parents come first
        if found & set(KEYS[child].values()):
            found.add(child)
    views = {view for view, source in VIEW_ROWS.items() if source in found}
    return found | views | ({FUNCTIONS} if "tasks" in found else set())
