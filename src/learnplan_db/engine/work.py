"""
What deploy, revert and verify have in common: a session at work on one project.

May import lower floors; never prints, and tells progress through a callback.
Source: Sqitch 1.3.1; design, the engine.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from learnplan_db.engine.census import Census
from learnplan_db.engine.execution import UNCHECKED
from learnplan_db.engine.losses import Keeper
from learnplan_db.engine.progress import NO_VARIABLES, Progress
from learnplan_db.engine.resumption import Resumption
from learnplan_db.engine.session import (
    IDLE,
    Manner,
    clean,
)
from learnplan_db.engine.tenure import Output, Tenure
from learnplan_db.errors import ScriptError
from learnplan_db.psql import client as clients
from learnplan_db.psql import guard, script

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import psycopg

    from learnplan_db.engine.losses import Checks
    from learnplan_db.engine.progress import Tell
    from learnplan_db.engine.rows import Statements
    from learnplan_db.engine.state import Project
    from learnplan_db.model import Change
    from learnplan_db.plans.scripts import Kind
    from learnplan_db.psql.script import Script

    Connection = psycopg.Connection[Any]


UNGUARDED = (
    "learnplan.guard does not hold with --client psql: a data change that row security "
    "narrows is not noticed"
)


class Work(Tenure):
    """
    A session at work on a project: its scripts read, its registry, its progress.

    ``standing``: the ids of what should be deployed now, whoever looks.

    Args: variables: psql's, for the scripts; client: a psql to run them with, or None;
        seconds: how long locks are asked for; log_only: run no script.
    """

    def __init__(  # noqa: PLR0913 - what a command says
        self,
        connection: Connection,
        project: Project,
        tell: Tell,
        variables: Mapping[str, str] = NO_VARIABLES,
        *,
        client: str | None = None,
        seconds: float = 60,
        log_only: bool = False,
    ) -> None:
        """Look at nothing yet."""
        # While psql runs, our own session is idle.
        idle = IDLE if client is None else "0"
        manner = Manner(project.target.guard, seconds, idle)
        super().__init__(connection, project, tell, manner)
        self.client, self.log_only, self.seconds = client, log_only, seconds
        self.variables = dict(variables) | {"registry": project.target.registry}
        self.width = 0
        self.standing: set[str] = set()
        self._scripts: dict[tuple[Kind, str], Script] = {}
        self._attempts: set[str] = set()

    def settle(self, kind: Kind, change: Change) -> None:
        """Note that a change is deployed now, or is no more."""
        if kind == "deploy":
            self.standing.add(change.id)
        else:
            self.standing.discard(change.id)

    def whole(self, kind: Kind, change: Change) -> bool:
        """Tell whether a change's script and its rows commit together."""
        text = self._scripts.get((kind, change.id))
        return self.log_only or (text is not None and text.wrapped)

    @contextmanager
    def step(self, action: str, label: str) -> Iterator[None]:
        """Tell the start and the end of one change."""
        began = time.monotonic()
        self.tell(Progress(action, label, "start", width=self.width))
        try:
            yield
        except BaseException:
            self.tell(Progress(action, label, "not ok", time.monotonic() - began))
            raise
        self.tell(Progress(action, label, "ok", time.monotonic() - began))

    def read(
        self, kind: Kind, changes: Sequence[Change], *, optional: bool = False
    ) -> dict[str, bytes]:
        """
        Read scripts before any runs: a missing one stops nothing half-way.

        Returns them as they are, by the change's id.
        Args: optional: leave out those that do not exist.
        Raises: PlanError: one cannot be read; ScriptError: the reader refuses one.
        """
        found: dict[str, bytes] = {}
        if self.log_only and kind != "verify":
            return found
        scripts = self.project.scripts
        for change in changes:
            if optional and not scripts.path(kind, change).exists():
                continue
            found[change.id] = scripts.read(kind, change)
            if self.client is None:
                self._scripts[kind, change.id] = script.read(
                    found[change.id],
                    scripts.shown(kind, change),
                    self.variables,
                    path=scripts.path(kind, change),
                    directory=self.project.target.root,
                )
                if self.manner.guard and kind != "verify":
                    guard.check(self._scripts[kind, change.id])
        return found

    def warn_missing(self, kind: Kind, changes: Sequence[Change]) -> None:
        """Warn of scripts that a failure would need."""
        scripts = self.project.scripts
        missing = [c.name for c in changes if not scripts.path(kind, c).exists()]
        if missing:
            some = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")  # noqa: PLR2004 - enough to see
            text = f"a failure could not take back what has no {kind} script: {some}"
            self.tell(Progress("warning", detail=text))

    def run(self, kind: Kind, change: Change, rows: Statements) -> None:
        """
        Run a script that was read, and write its rows; with log_only just the rows.

        Raises: ScriptError: it failed. psycopg.Error: the rows were refused.
        """
        shown = self.project.scripts.shown(kind, change)
        if self.log_only:
            self.execution.record(rows, shown)
        elif self.client is not None:
            if self.manner.guard:
                self.tell(Progress("warning", detail=UNGUARDED))
            self._run_client(kind, change)
            self.execution.record(rows, shown)
        elif kind == "revert" and self.keeper:
            text = self.script(kind, change)
            self.keeper.run(
                *(change.name, text),
                lambda checks: self._run_script(text, change, rows, checks),
            )
        else:
            self._run_script(self.script(kind, change), change, rows)

    def script(self, kind: Kind, change: Change) -> Script:
        """Return a script as it was read, or read it."""
        if (kind, change.id) not in self._scripts:
            self.read(kind, [change])
        return self._scripts[kind, change.id]

    def keep_rows(self, own: Sequence[Change] = ()) -> Keeper | None:
        """
        Let no revert script lose rows from here on, where the project is guarded.

        Not those that psql runs, in a session of its own.
        Args: own: changes whose transactions wrote what may go again.
        """
        if self.manner.guard and not self.log_only and self.client is None:
            census = Census(self.connection, self.registry)
            if own:
                census.own_of([change.id for change in own])
            self.keeper = Keeper(census, self.project.target.name, self.seconds)
        return self.keeper

    def _run_script(
        self, text: Script, change: Change, rows: Statements, checks: Checks = UNCHECKED
    ) -> None:
        if text.wrapped:
            self.execution.run(text, rows, checks=checks)
        else:
            self._run_in_parts(text, change, rows)

    def _run_in_parts(self, text: Script, change: Change, rows: Statements) -> None:
        """
        Run a script that is not one transaction.

        While it runs, the registry says that the change failed: if we are killed, it
        is the truth, and the next attempt knows of this one.
        """
        resumption = Resumption(
            self.connection,
            lambda said: self.tell(Progress("warning", change.name, detail=said)),
            self.seconds,
            attempted=self.registry.attempted(change.id),
        )
        if change.id not in self._attempts:
            try:
                self.write(change, self._failed(change))
            except ScriptError as error:
                error.begun = 0
                raise
            self._attempts.add(change.id)
        self.execution.run(text, self._ended(change, rows), resumption)
        self._attempts.discard(change.id)

    def _failed(self, change: Change) -> Statements:
        project = self.project
        return self.registry.rows.failure(project.plan, change, project.committer)

    def _ended(self, change: Change, rows: Statements) -> Statements:
        """Return rows behind what takes the event of a begun attempt back."""
        if change.id not in self._attempts:
            return rows
        return (*self.registry.rows.attempt_over(change.id), *rows)

    def write(self, change: Change, rows: Statements) -> None:
        """Write rows of a change alone."""
        self.execution.write(self._ended(change, rows), self.project.plan.source)
        self._attempts.discard(change.id)

    def verify(self, change: Change) -> None:
        """Run a verify script, if there is one; a missing one is told."""
        if not self.project.scripts.path("verify", change).exists():
            shown = self.project.scripts.shown("verify", change)
            self.tell(Progress("vent", detail=f"Verify script {shown} does not exist"))
        elif self.client is not None:
            self._run_client("verify", change)
        else:
            streams = Output(self.tell, "verify-output")
            self.execution.verify(self.script("verify", change), streams)

    def tell_others(self, projects: Sequence[str]) -> None:
        """Warn when nothing of the project is there, but of others."""
        name = self.project.plan.project
        if projects and name not in projects:
            text = f'nothing of project "{name}" was ever deployed here'
            others = f"the registry holds {', '.join(projects)}"
            self.tell(Progress("warning", detail=f"{text}; {others}"))

    def record_failure(self, change: Change) -> None:
        """Write the event of a change that failed, if there still is a session."""
        if self.connection.closed:
            return
        clean(self.connection, self.manner)
        try:
            self.write(change, self._failed(change))
        except ScriptError:
            if not self.connection.closed:  # else what failed first is what to tell
                raise

    def _run_client(self, kind: Kind, change: Change) -> None:
        target = self.project.target
        variables = {k: v for k, v in self.variables.items() if k != "registry"}
        clients.run_client(
            self.client or "psql",
            target.conninfo,
            self.project.scripts.path(kind, change),
            self.project.scripts.shown(kind, change),
            variables,
            target.registry,
            target.root,
            Output(self.tell, "verify-output" if kind == "verify" else "output"),
        )
