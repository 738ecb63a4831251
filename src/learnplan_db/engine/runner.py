"""
Deploy and revert: the plan, the scripts and the registry brought together.

A script that is one ``begin ... commit`` commits together with its registry rows.
Functions return data; they never print, and tell progress through a callback.
Source: Sqitch 1.3.1, deploy and revert; design, the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnplan_db.engine import pending, recovery
from learnplan_db.engine.dependencies import check_dependents
from learnplan_db.engine.deployment import Deployment
from learnplan_db.engine.progress import NO_VARIABLES, Progress, silent
from learnplan_db.engine.session import fit, look, told
from learnplan_db.engine.state import as_changes, disagreement, to_revert
from learnplan_db.engine.work import Work
from learnplan_db.errors import DataLossError, NothingDoneError, RegistryError
from learnplan_db.plans import plan as plans

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import psycopg

    from learnplan_db.engine.deployment import Mode
    from learnplan_db.engine.pending import Pending
    from learnplan_db.engine.progress import Tell
    from learnplan_db.engine.registry import Applied
    from learnplan_db.engine.state import Project
    from learnplan_db.model import Change

    Connection = psycopg.Connection[Any]


def deploy(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    project: Project,
    *,
    to: str | None = None,
    mode: Mode = "all",
    verify: bool = False,
    log_only: bool = False,
    variables: Mapping[str, str] = NO_VARIABLES,
    client: str | None = None,
    lock_timeout: float = 60,
    looked: bool = False,
    tell: Tell = silent,
) -> tuple[Change, ...]:
    """
    Deploy what is pending, in plan order; return the changes deployed.

    Args: to: the last change to deploy; mode: what a failure takes back: all of this
        run, all since the last tag, or only the change itself; verify: run each verify
        script too; log_only: write the registry without running scripts; variables:
        psql's; client: a psql to run the scripts with; lock_timeout: seconds to ask
        for Sqitch's lock, and for each change's locks; looked: somebody has looked
        without the lock that there is something to do.
    Raises: ScriptError, VerifyError: a script failed; what mode says was taken back.
    """
    if not looked and pending.nothing(connection, project, to, lock_timeout, tell):
        return ()
    work = Work(
        *(connection, project, tell, variables),
        client=client,
        seconds=lock_timeout,
        log_only=log_only,
    )

    def prepared() -> Deployment | None:
        found = look(lambda: pending.find(project, work.registry, to), lock_timeout)
        if found.idle:  # somebody else has done it meanwhile
            tell(Progress("up-to-date", to or ""))
            return None
        deployment = Deployment(work, found, to, mode, verify=verify)
        deployment.prepare()
        return deployment

    with work.locked():
        deployment = recovery.steadily(work, prepared)
        return deployment.deploy() if deployment else ()


def preview(
    connection: Connection,
    project: Project,
    *,
    lock_timeout: float = 60,
    tell: Tell = silent,
    **options: Any,
) -> Pending:
    """
    Return what a deploy would find to do, once checked as the deploy would.

    Only reads: nothing is locked, created or run.
    Args: options: to, mode, verify, log_only, variables and client of the deploy.
    Raises: LearnplanError: what the deploy would refuse before any script runs.
    """
    to, mode, verify = options["to"], options["mode"], options["verify"]
    work = Work(
        *(connection, project, tell, options["variables"]),
        client=options["client"],
        log_only=options["log_only"],
    )
    with told(connection), fit(connection):
        found = look(lambda: pending.find(project, work.registry, to), lock_timeout)
        if not found.idle:
            Deployment(work, found, to, mode, verify=verify).check()
            if mode != "change" and not work.log_only:
                work.warn_missing("revert", found.changes)
    return found


def rehearse(
    connection: Connection, project: Project, *, kept: str | None, **options: Any
) -> None:
    """
    Raise what a deploy would refuse at once if all after ``kept`` were reverted.

    Only reads: what cannot be deployed again is told while it is still there.
    Args: kept: as of a revert; options: those of the deploy.
    """
    to, mode, verify = options["to"], options["mode"], options["verify"]
    work = Work(
        *(connection, project, silent, options["variables"]),
        client=options["client"],
        log_only=options["log_only"],
    )
    with told(connection), fit(connection):
        doomed, _ = look(lambda: to_revert(project, work.registry, kept), work.seconds)
        if doomed:
            going = {one.change_id for one in doomed}
            found = pending.find(project, work.registry, to, going)
            Deployment(work, found, to, mode, verify=verify).check(going)


def revert(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    project: Project,
    *,
    to: str | None = None,
    confirm: Callable[[list[Applied], str | None], bool] = lambda *_: True,
    log_only: bool = False,
    variables: Mapping[str, str] = NO_VARIABLES,
    client: str | None = None,
    lock_timeout: float = 60,
    allow_data_loss: bool = False,
    tell: Tell = silent,
) -> tuple[str, ...]:
    """
    Revert what is deployed after ``to``, or everything; return names, newest first.

    Args: confirm: asked with what would be reverted, newest first, and the label of
        what stays; what somebody else changes after that is refused.
        allow_data_loss: lose the rows that go with it; a guarded project alone asks.
    Raises: ScriptError: a script failed; what was reverted before it stays reverted.
        DataLossError: rows would be lost. NothingDoneError: the answer was no.
    """
    work = Work(
        *(connection, project, tell, variables),
        client=client,
        seconds=lock_timeout,
        log_only=log_only,
    )
    with told(connection), fit(connection):
        agreed, kept = look(lambda: to_revert(project, work.registry, to), lock_timeout)
        others = work.registry.projects() if not agreed else ()
    if not agreed:
        work.tell_others(others)
        tell(Progress("nothing-to-revert", to or ""))
        return ()
    with told(connection), fit(connection):
        _foresee(work, agreed, allowed=allow_data_loss)
    if not confirm(agreed, kept):
        raise NothingDoneError("Nothing reverted")
    with work.locked():
        doomed, _ = look(lambda: to_revert(project, work.registry, to), lock_timeout)
        if [one.change_id for one in doomed] != [one.change_id for one in agreed]:
            raise RegistryError.changed_meanwhile()
        check_dependents(work.registry, doomed)
        changes = _changes(work, doomed)
        work.read("revert", changes)
        work.width = max(len(one.label) for one in doomed)
        for one, change in zip(doomed, changes, strict=True):
            recovery.revert_one(work, change, one.label)
    return tuple(one.name for one in doomed)


def _changes(work: Work, doomed: list[Applied]) -> list[Change]:
    """
    Return deployed changes as the plan would have them, newest first.

    Raises: RegistryError: the plan is older than a rework among them: the script of
        that name takes back the version before, as a policy's that disables row
        security.
    """
    applied = work.registry.applied(work.project.plan.project)
    work.standing = {one.change_id for one in applied}
    gone, newest = {one.change_id for one in doomed}, set()
    for one in applied:
        planned = plans.by_id(work.project.plan, one.change_id)
        if planned and not planned.reworked_tags:
            newest.add(one.name)
        elif (
            not (planned or work.log_only)
            and one.change_id in gone
            and one.name in newest
        ):
            raise disagreement(work.project, applied, work.registry)
    known = {change.id: change for change in as_changes(work.project, applied)}
    return [known[one.change_id] for one in doomed]


def _foresee(work: Work, doomed: list[Applied], *, allowed: bool) -> None:
    """
    Count what the scripts would lose, and tell it; keep rows from here on.

    Raises: DataLossError: nobody has allowed it.
    """
    name = work.project.target.name
    if work.manner.guard and work.client and not (allowed or work.log_only):
        raise DataLossError.unwatched(work.client, name)
    if not (keeper := work.keep_rows()):
        return
    changes = look(lambda: _changes(work, doomed), work.seconds)
    work.read("revert", changes)
    scripts = [(one.name, work.script("revert", one)) for one in changes]
    losses = keeper.foresee(scripts)
    if losses and not allowed:
        raise DataLossError.would_lose(losses, name)
    if not allowed:
        for label, script in scripts:
            keeper.watchable(label, script)
    for loss in losses:
        work.tell(Progress("losing", loss.change, loss=loss))
    if allowed:
        work.keeper = None
