"""
One deploy: each change with its rows, and what a failure takes back.

May import lower floors; never prints, and tells progress through a callback.
Source: Sqitch 1.3.1, deploy and its modes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import psycopg

from learnplan_db.engine import recovery
from learnplan_db.engine.dependencies import check_dependencies, check_hashes
from learnplan_db.engine.lost import said
from learnplan_db.engine.progress import Progress
from learnplan_db.engine.registry import VERSION
from learnplan_db.engine.session import clean, explained
from learnplan_db.errors import (
    DataLossError,
    LearnplanError,
    LostError,
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
        self.done: list[Change] = []

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

    def prepare(self) -> None:
        """Check all that can be checked, and bring the registry up to date."""
        work, plan = self.work, self.work.project.plan
        if self.found.newest and self.found.new_tags:
            by = work.project.committer
            rows = work.registry.rows.tags(plan, self.found.newest, by)
            work.execution.write(rows, plan.source)
        self.check()
        if self.mode != "change" and not work.log_only:
            work.warn_missing("revert", self.pending)
        self._bring_up_to_date()
        work.standing = {one.change_id for one in self.found.applied}

    def deploy(self) -> tuple[Change, ...]:
        """Deploy what is pending, once prepared; return the changes deployed."""
        work, plan = self.work, self.work.project.plan
        if not self.pending:
            work.tell(Progress("up-to-date", self.to or ""))
            return ()
        through = self.pending[-1].label if self.to else ""
        work.tell(Progress("deploying", through, count=len(self.pending)))
        work.width = max(len(change.label) for change in self.pending)
        try:
            for change in self.pending:
                self._deploy_one(change)
                self.done.append(change)
                if self.mode == "tag" and change.tags:
                    self.last_tagged = change
        except (ScriptError, RegistryError, VerifyError, LostError) as error:
            self._take_back(plan.changes, error)
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
                recovery.run(work, "deploy", change, rows)
                if self.with_verify:
                    self._prove(change)
            except psycopg.errors.UniqueViolation as error:
                work.record_failure(change)
                shown = project.scripts.shown("deploy", change)
                raise RegistryError.not_unique(change.name, "another", shown) from error
            except psycopg.Error as error:
                raise explained(error, work.connection) from error
            except ScriptError:
                work.record_failure(change)
                raise
            except KeyboardInterrupt as interrupt:
                shown = project.scripts.shown("deploy", change)
                self._settle(change)
                raise ScriptError.interrupted(shown) from interrupt

    def _settle(self, change: Change) -> None:
        """Look whether a change was interrupted before its commit, or after it."""
        work = self.work
        if not work.connection.closed:
            clean(work.connection, work.manner)
            applied = work.registry.applied(work.project.plan.project)
            if change.id in {one.change_id for one in applied}:
                self.done.append(change)
            else:
                work.record_failure(change)

    def _prove(self, change: Change) -> None:
        """
        Verify a change just deployed; if it fails, revert it and record only that.

        Raises: VerifyError: naming also a revert script that failed in turn.
        """
        work, project = self.work, self.work.project
        try:
            self._verify(change)
        except ScriptError as error:
            if work.connection.closed:
                raise LostError.unverified(
                    change.name, said(error), error.where
                ) from error
            rows = work.registry.rows.forget(project.plan, change, project.committer)
            failure = VerifyError.after_deploy(change.name, error)
            self._keep_rows_of_others()
            try:
                recovery.run(work, "revert", change, rows)
            except DataLossError as second:
                self.done.append(change)  # what is under it stays too
                raise VerifyError.kept(change.name, error, second) from error
            except (ScriptError, PlanError) as second:
                # Sqitch's registry says no more than that it failed.
                work.write(change, rows)
                work.settle("revert", change)
                failure = VerifyError.not_undone(change.name, error, second)
            raise failure from error

    def _verify(self, change: Change) -> None:
        try:
            self.work.verify(change)
        except KeyboardInterrupt as interrupt:
            shown = self.work.project.scripts.shown("verify", change)
            raise ScriptError.interrupted(shown) from interrupt

    def _take_back(self, planned: Sequence[Change], error: LearnplanError) -> None:
        """Revert what this run deployed, as the mode says; tell how it went."""
        work = self.work
        if self.mode == "change":
            return
        work.tell(Progress("failed", error=error))
        error.outcome = "Deploy failed"
        kept = self.last_tagged.index + 1 if self.last_tagged else self.found.place
        doomed = [change for change in self.done if change.index >= kept][::-1]
        if not doomed:
            return
        if work.connection.closed or isinstance(error, LostError):
            names = ", ".join(change.label for change in doomed[::-1])
            text = (
                f"nothing is reverted, since the connection was lost; deployed: {names}"
            )
            work.tell(Progress("warning", detail=text))
            return
        back = self.last_tagged.label if self.last_tagged else ""
        if not back and kept:
            last = planned[kept - 1]
            back = last.name + "".join(f"@{tag.name}" for tag in last.tags[-1:])
        work.tell(Progress("taking-back", back))
        self._keep_rows_of_others()
        for change in doomed:
            try:
                work.read("revert", [change])
                recovery.revert_one(work, change, change.label)
            except psycopg.Error as failure:
                self._stays(change, explained(failure, work.connection))
                break
            except (ScriptError, PlanError, DataLossError, LostError) as failure:
                self._stays(change, failure)
                break

    def _stays(self, change: Change, failure: LearnplanError) -> None:
        told_too = RegistryError.not_taken_back(change.label, failure)
        self.work.tell(Progress("failed", error=told_too))

    def _keep_rows_of_others(self) -> None:
        """Let nothing be taken back but what the scripts of this run have written."""
        if self.work.keeper is None:
            self.work.keep_rows(self.pending)
