"""
One deploy: each change with its rows, and what a failure takes back.

May import lower floors; never prints, and tells progress through a callback.
Source: Sqitch 1.3.1, deploy and its modes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import psycopg

from learnplan_db.engine.dependencies import check_dependencies, check_hashes
from learnplan_db.engine.progress import Progress
from learnplan_db.engine.registry import VERSION
from learnplan_db.errors import (
    LearnplanError,
    PlanError,
    RegistryError,
    ScriptError,
    VerifyError,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from learnplan_db.engine.pending import Pending
    from learnplan_db.engine.work import Work
    from learnplan_db.model import Change

Mode = Literal["all", "tag", "change"]


class Deployment:
    """One deploy of what was found to do; it writes when told to."""

    def __init__(
        self, work: Work, found: Pending, to: str | None, mode: Mode, *, verify: bool
    ) -> None:
        self.work, self.to, self.mode, self.with_verify = work, to, mode, verify
        self.found, self.pending = found, found.changes
        self.last_tagged: Change | None = None

    def check(self, going: Collection[str] = ()) -> None:
        """
        Check all that can be before anything runs.

        Args: going: ids of changes that are reverted before.
        Raises: LearnplanError: a refusal.
        """
        if self.found.refusal:
            raise self.found.refusal
        work, found = self.work, self.found
        registry = work.registry if found.version is not None else None
        self.requires = check_dependencies(work.project, registry, found.changes, going)
        data = work.read("deploy", found.changes)
        self.hashes = check_hashes(work.project, found.applied, found.changes, data)
        if self.with_verify:
            work.read("verify", found.changes, optional=True)

    def deploy(self) -> tuple[Change, ...]:
        """Check all that can be checked, then deploy; return the changes deployed."""
        work, plan = self.work, self.work.project.plan
        if self.found.newest and self.found.newest.tags:
            by = work.project.committer
            rows = work.registry.rows.tags(plan, self.found.newest, by)
            work.execution.write(rows, plan.source)
        self.check()
        if self.mode != "change" and not work.log_only:
            work.warn_missing("revert", self.pending)
        self._bring_up_to_date()
        if not self.pending:
            work.tell(Progress("up-to-date", self.to or ""))
            return ()
        through = self.pending[-1].label if self.to else ""
        work.tell(Progress("deploying", through, count=len(self.pending)))
        work.width = max(len(change.label) for change in self.pending)
        done: list[Change] = []
        try:
            for change in self.pending:
                self._deploy_one(change)
                done.append(change)
                if self.mode == "tag" and change.tags:
                    self.last_tagged = change
        except (ScriptError, RegistryError, VerifyError) as error:
            self._take_back(plan.changes, done, error)
            raise
        return self.pending

    def _bring_up_to_date(self) -> None:
        """Create or upgrade the registry, know the project and its hashes."""
        work, project = self.work, self.work.project
        by = project.committer
        if self.found.version is None:
            work.tell(Progress("create-registry"))
            work.registry.create(by)
        elif self.found.version < VERSION and (self.pending or not self.found.version):
            work.upgrade(self.found.version)
        if self.found.unknown_hashes:
            hashes = {
                change.id: project.scripts.script_hash(change)
                for change in project.plan.changes
            }
            work.registry.adopt_hashes(project.plan, hashes)
        if not self.found.applied:
            work.registry.register(project.plan, by)

    def _deploy_one(self, change: Change) -> None:
        work, project = self.work, self.work.project
        rows = work.registry.rows.deploy(
            *(project.plan, change, project.committer),
            self.hashes[change.id],
            self.requires[change.id],
        )
        with work.step("deploy", change.label):
            try:
                work.run("deploy", change, rows)
                if self.with_verify:
                    self._prove(change)
            except psycopg.errors.UniqueViolation as error:
                work.record_failure(change)
                shown = project.scripts.shown("deploy", change)
                raise RegistryError.not_unique(change.name, "another", shown) from error
            except ScriptError:
                work.record_failure(change)
                raise
            except KeyboardInterrupt as interrupt:
                work.record_failure(change)
                shown = project.scripts.shown("deploy", change)
                raise ScriptError.interrupted(shown) from interrupt

    def _prove(self, change: Change) -> None:
        """
        Verify a change just deployed; if it fails, revert it and record only that.

        Raises: VerifyError: naming also a revert script that failed in turn.
        """
        work, project = self.work, self.work.project
        try:
            work.verify(change)
        except ScriptError as error:
            if work.connection.closed:
                raise
            rows = work.registry.rows.forget(project.plan, change, project.committer)
            failure = VerifyError.after_deploy(change.name, error)
            try:
                work.run("revert", change, rows)
            except (ScriptError, PlanError) as second:
                # Sqitch's registry says no more than that it failed.
                work.execution.write(rows, project.plan.source)
                failure = VerifyError.not_undone(change.name, error, second)
            raise failure from error

    def _take_back(
        self, planned: Sequence[Change], done: list[Change], error: LearnplanError
    ) -> None:
        """Revert what this run deployed, as the mode says; tell how it went."""
        work = self.work
        if self.mode == "change":
            return
        work.tell(Progress("failed", error=error))
        error.outcome = "Deploy failed"
        kept = self.last_tagged.index + 1 if self.last_tagged else self.found.place
        doomed = [change for change in done if change.index >= kept][::-1]
        if not doomed or work.connection.closed:
            return
        back = self.last_tagged.label if self.last_tagged else ""
        if not back and kept:
            last = planned[kept - 1]
            back = last.name + "".join(f"@{tag.name}" for tag in last.tags[-1:])
        work.tell(Progress("taking-back", back))
        for change in doomed:
            try:
                work.read("revert", [change])
                work.revert_one(change, change.label)
            except (ScriptError, PlanError) as failure:
                told_too = RegistryError.not_taken_back(change.label, failure)
                work.tell(Progress("failed", error=told_too))
                break
