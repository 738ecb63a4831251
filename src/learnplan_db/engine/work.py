"""
What deploy, revert and verify have in common: a session at work on one project.

May import lower floors; never prints, and tells progress through a callback.
Source: Sqitch 1.3.1; design, the engine.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from learnplan_db.engine.execution import Execution
from learnplan_db.engine.progress import NO_VARIABLES, Progress
from learnplan_db.engine.session import clean, lock, unlock
from learnplan_db.psql import client as clients
from learnplan_db.psql import script

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from learnplan_db.engine.progress import Tell
    from learnplan_db.engine.rows import Statements
    from learnplan_db.engine.state import Project
    from learnplan_db.model import Change
    from learnplan_db.plans.scripts import Kind
    from learnplan_db.psql.script import Script

    Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Output:
    """What a script prints, on its way to whoever is told."""

    tell: Tell
    action: str = "output"

    def out(self, text: str) -> None:
        """Pass on what psql prints on standard output."""
        self.tell(Progress(self.action, detail=text))

    def err(self, text: str) -> None:
        """Pass on what psql prints on standard error."""
        self.tell(Progress("notice", detail=text))


class Work:
    """
    A session at work on a project: its scripts read, its registry, its progress.

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
        self.connection, self.project, self.tell = connection, project, tell
        self.client, self.log_only, self.seconds = client, log_only, seconds
        self.variables = dict(variables) | {"registry": project.target.registry}
        self.registry = project.registry(connection)
        self.guard = project.target.guard
        self.execution = Execution(
            *(connection, Output(tell), self.registry.rows.lock(), seconds, self.guard)
        )
        self.width = 0
        self._scripts: dict[tuple[Kind, str], Script] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold Sqitch's lock in a session set up for scripts; leave it as it was."""
        lock(
            self.connection,
            self.seconds,
            lambda who: self.tell(
                Progress("blocked", seconds=self.seconds, detail=who)
            ),
        )
        try:
            self.execution.prepare()
            yield
        finally:
            self.leave(unlocking=True)

    def leave(self, *, unlocking: bool = False) -> None:
        """Leave the session as it was: nothing of ours goes back to a pool."""
        try:
            clean(self.connection)
            if not self.connection.closed:
                with suppress(psycopg.Error):
                    if unlocking:
                        unlock(self.connection)
                    self.connection.execute("reset all")
        except BaseException:  # such as a second Ctrl-C: the lock must not stay
            self.connection.close()
            raise

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
            self.execution.write(rows, shown)
        elif self.client is not None:
            self._run_client(kind, change)
            self.execution.write(rows, shown)
        else:
            if (kind, change.id) not in self._scripts:
                self.read(kind, [change])
            self.execution.run(self._scripts[kind, change.id], rows)

    def verify(self, change: Change) -> None:
        """Run a verify script, if there is one; a missing one is told."""
        if not self.project.scripts.path("verify", change).exists():
            shown = self.project.scripts.shown("verify", change)
            self.tell(Progress("vent", detail=f"Verify script {shown} does not exist"))
        elif self.client is not None:
            self._run_client("verify", change)
        else:
            if ("verify", change.id) not in self._scripts:
                self.read("verify", [change])
            streams = Output(self.tell, "verify-output")
            self.execution.verify(self._scripts["verify", change.id], streams)

    def tell_others(self, projects: Sequence[str]) -> None:
        """Warn when nothing of the project is there, but of others."""
        name = self.project.plan.project
        if projects and name not in projects:
            text = f'nothing of project "{name}" was ever deployed here'
            others = f"the registry holds {', '.join(projects)}"
            self.tell(Progress("warning", detail=f"{text}; {others}"))

    def revert_one(self, change: Change, label: str) -> None:
        """Revert a change and record it. Raises: ScriptError: its script failed."""
        rows = self.registry.rows.revert(change.id, self.project.committer)
        with self.step("revert", label):
            self.run("revert", change, rows)

    def record_failure(self, change: Change) -> None:
        """Write the event of a change that failed, if there still is a session."""
        if self.connection.closed:
            return
        clean(self.connection, guard=self.guard)
        by, plan = self.project.committer, self.project.plan
        rows = self.registry.rows.failure(plan, change, by)
        self.execution.write(rows, plan.source)

    def upgrade(self, found: float) -> None:
        """Bring the registry to our version, telling each step."""
        old, state = f"{found:g}", "start"
        for _, version in self.registry.upgrade(found, self.project.committer):
            new = f"{version:.1f}"
            self.tell(Progress("upgrade-registry", old, state, detail=new))
            old, state = new, ""

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
