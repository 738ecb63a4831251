"""
Deploy, revert, verify: the plan, the scripts and the registry brought together.

A script that is one ``begin ... commit`` commits together with its registry rows.
Functions return data; they never print, and tell progress through a callback.
Source: Sqitch 1.3.1; design, the engine.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from learnplan_db import config, registry, script
from learnplan_db import plan as plans
from learnplan_db.errors import (
    ConnectError,
    LearnplanError,
    RegistryError,
    ScriptError,
    VerifyError,
)
from learnplan_db.execution import run, run_verify
from learnplan_db.session import clean, lock, refuse_unfit, set_up, told, unlock
from learnplan_db.state import (
    as_planned,
    has_registry,
    pending_changes,
    requires_of,
    status,
    to_revert,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learnplan_db.model import Change
    from learnplan_db.registry import Applied
    from learnplan_db.script import Script
    from learnplan_db.state import Project

    Connection = psycopg.Connection[Any]
    Tell = Callable[["Progress"], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """One step: action is deploy, revert, verify or wait; state start, ok or not ok."""

    action: str
    label: str
    state: str
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """Which change failed, and how; what is planned and not deployed."""

    checked: int
    failures: tuple[tuple[str, LearnplanError], ...]
    pending: tuple[Change, ...]


def deploy(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    project: Project,
    *,
    to: str | None = None,
    verify: bool = False,
    lock_timeout: float = 60,
    tell: Tell = lambda _: None,
) -> tuple[Change, ...]:
    """
    Deploy what is pending, in plan order; return the changes deployed.

    Args: to: the last change to deploy; verify: run each verify script too;
        lock_timeout: seconds to ask for Sqitch's lock, and for each change's locks.
    Raises: ScriptError: a script failed; the changes before it stay, it leaves nothing.
    """
    target = plans.resolve(project.plan, to) if to else project.plan.changes[-1]
    with told(connection):
        refuse_unfit(connection)
        pending, untagged = pending_changes(connection, project, target)
        if not pending and not untagged:
            return ()  # told without taking the lock
        with _locked(connection, lock_timeout, tell):
            pending, untagged = pending_changes(connection, project, target)
            scripts = _read_scripts(project, "deploy", pending)
            proofs = _read_proofs(project, pending if verify else [])
            if untagged:
                registry.record_tags(
                    connection, project.plan, untagged, project.committer
                )
            _register(connection, project)
            for change in pending:
                text = scripts[change.id]
                with _step(tell, "deploy", change.label):
                    _deploy_one(connection, project, change, text, lock_timeout)
                    if verify:
                        proof, undo = proofs[change.id]
                        _prove(connection, project, change, proof, undo)
    return tuple(pending)


def revert(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    project: Project,
    *,
    to: str | None = None,
    confirmed: list[Applied] | None = None,
    lock_timeout: float = 60,
    tell: Tell = lambda _: None,
) -> tuple[str, ...]:
    """
    Revert what is deployed after ``to``, or everything; return names, newest first.

    Args: confirmed: what a person agreed to; anything else is refused.
    Raises: ScriptError: a script failed; what was reverted before it stays reverted.
    """
    with told(connection):
        refuse_unfit(connection)
        if not to_revert(connection, project, to):
            return ()
    with told(connection), _locked(connection, lock_timeout, tell):
        doomed = to_revert(connection, project, to)
        if confirmed is not None and doomed != confirmed:
            raise RegistryError.changed_meanwhile()
        changes = [as_planned(project, one) for one in doomed]
        scripts = _read_scripts(project, "revert", changes)
        for one in doomed:

            def record(change_id: str = one.change_id) -> None:
                registry.record_revert(connection, change_id, project.committer)

            with _step(tell, "revert", one.label):
                run(connection, scripts[one.change_id], record, lock_timeout)
    return tuple(a.name for a in doomed)


def verify(
    connection: Connection, project: Project, *, tell: Tell = lambda _: None
) -> Verification:
    """Run the verify script of every deployed change; collect all that fail."""
    with told(connection):
        if not has_registry(connection):
            raise RegistryError.no_registry(config.display(connection.info.dsn))
    known = status(connection, project)
    if not known.applied and known.other_projects:
        raise RegistryError.other_project(known.project, known.other_projects)
    changes = {change.id: change for change in project.plan.changes}
    there = [changes[a.change_id] for a in known.applied if a.change_id in changes]
    latest = [change for change in there if not change.reworked_tags]
    scripts = _read_scripts(project, "verify", latest)
    failures: list[tuple[str, LearnplanError]] = [
        (a.name, RegistryError.unplanned())
        for a in known.applied
        if a.change_id not in changes
    ]
    for change in latest:
        with suppress(ScriptError), _step(tell, "verify", change.label):
            try:
                run_verify(connection, scripts[change.id])
            except ScriptError as error:
                if connection.closed:
                    raise ConnectError(
                        error.message, where=error.where, fix=error.fix
                    ) from error
                failures.append((change.name, error))
                raise
    return Verification(len(known.applied), tuple(failures), known.pending)


def log(connection: Connection) -> list[dict[str, Any]]:
    """Return all events, newest first; nothing where there is no registry."""
    with told(connection):
        there = registry.version(connection) is not None  # of any version
        return registry.events(connection) if there else []


def _read_scripts(
    project: Project, kind: Any, changes: list[Change]
) -> dict[str, Script]:
    """Read all scripts before any runs: a missing one stops nothing half-way."""
    return {
        change.id: script.read(
            project.scripts.read(kind, change), project.scripts.shown(kind, change)
        )
        for change in changes
    }


def _read_proofs(
    project: Project, changes: list[Change]
) -> dict[str, tuple[Script, Script]]:
    """Read the verify scripts, and the revert scripts that a failure will need."""
    proofs = _read_scripts(project, "verify", changes)
    undos = _read_scripts(project, "revert", changes)
    return {change.id: (proofs[change.id], undos[change.id]) for change in changes}


def _register(connection: Connection, project: Project) -> None:
    """Make the registry and the project known, unless they are."""
    if not has_registry(connection):
        registry.create(connection, project.committer)
    registry.register(connection, project.plan, project.committer)


def _deploy_one(
    connection: Connection,
    project: Project,
    change: Change,
    text: Script,
    lock_timeout: float,
) -> None:
    by = project.committer

    def record() -> None:
        script_hash = project.scripts.script_hash(change)
        requires = requires_of(project, change)
        try:
            registry.record_deploy(
                connection, project.plan, change, by, script_hash, requires
            )
        except psycopg.errors.UniqueViolation as error:
            shown = project.scripts.shown("deploy", change)
            raise RegistryError.not_unique(change.name, shown) from error

    try:
        run(connection, text, record, lock_timeout)
    except (ScriptError, RegistryError):
        clean(connection)
        if not connection.closed:
            registry.record_failure(connection, project.plan, change, by)
        raise


def _prove(
    connection: Connection,
    project: Project,
    change: Change,
    proof: Script,
    undo: Script,
) -> None:
    """
    Verify a change just deployed; if it fails, revert it and record only that.

    Raises: ScriptError: the connection is lost, or the revert script fails: the change
        stays deployed and recorded.
    """
    try:
        run_verify(connection, proof)
    except ScriptError as error:
        if connection.closed:
            raise

        def record() -> None:
            registry.forget_deploy(connection, change.id)
            registry.record_failure(connection, project.plan, change, project.committer)

        try:
            run(connection, undo, record, 60)
        except ScriptError as failure:
            failure.fix = (
                f'"{change.name}" stays deployed and does not verify '
                f"({error.message}): mend its revert script, then revert it"
            )
            raise
        raise VerifyError.after_deploy(change.name, error) from error


@contextmanager
def _locked(connection: Connection, seconds: float, tell: Tell) -> Iterator[None]:
    lock(connection, seconds, lambda who: tell(Progress("wait", who, "start", seconds)))
    try:
        set_up(connection)
        yield
    finally:
        clean(connection)
        if not connection.closed:
            with suppress(psycopg.Error):
                unlock(connection)
                connection.execute("reset all")  # of ours, nothing goes to a pool


@contextmanager
def _step(tell: Tell, action: str, label: str) -> Iterator[None]:
    began = time.monotonic()
    tell(Progress(action, label, "start"))
    try:
        yield
    except BaseException:
        tell(Progress(action, label, "not ok", time.monotonic() - began))
        raise
    tell(Progress(action, label, "ok", time.monotonic() - began))
