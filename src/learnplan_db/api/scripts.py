"""
Calls that run scripts: deploy, revert and verify.

May import lower floors; never prints, never reads the environment.
Source: the commands of the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.api import recording
from learnplan_db.api.recording import Recorder
from learnplan_db.api.results import (
    DeployResult,
    Failure,
    RevertResult,
    VerifyResult,
    unheard,
)
from learnplan_db.api.sources import Choice, demand_one_of, demand_seconds, working
from learnplan_db.engine import runner, verification
from learnplan_db.engine.progress import NO_VARIABLES
from learnplan_db.engine.session import told
from learnplan_db.plans import plan as plans

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from learnplan_db.api.results import Listener
    from learnplan_db.api.sources import Source
    from learnplan_db.engine.deployment import Mode
    from learnplan_db.engine.registry import Applied

MODES = ("all", "tag", "change")


def deploy(  # noqa: PLR0913 - the options of the command
    conn_or_dsn: Source,
    *,
    to: str | None = None,
    mode: Mode = "all",
    verify: bool = False,
    log_only: bool = False,
    variables: Mapping[str, str] = NO_VARIABLES,
    lock_timeout: float = 60,
    project: Path | str | None = None,
    registry: str | None = None,
    committer: str | None = None,
    progress: Listener = unheard,
) -> DeployResult:
    """
    Deploy what is pending, in the order of the plan; safe to call again and again.

    Args: conn_or_dsn: a connection outside of any transaction, which is left as it was
        found, a pool, an SQLAlchemy engine, or an address; to: the last change or tag
        (``@v1.0.0``) to deploy; mode: what a failure takes back: "all" of this call,
        back to the last "tag", or the "change" that failed; verify: run verify scripts
        too; log_only: write the registry without running scripts; variables: psql's;
        lock_timeout: seconds to ask for Sqitch's lock, and for each change's locks;
        project: the directory of another plan than the packaged one; registry: the
        schema of the registry, if it is not what the project says; committer:
        ``name <email>`` for the registry, else the account's; progress: told each
        event, a wait for a lock from a thread of its own.
    Raises: ScriptError, VerifyError: a script failed, and what mode says was taken
        back. RegistryError: somebody else is deploying, or the database is not of
        this plan. PlanError: no such change. ConnectError: no connection, a pooler in
        between, a standby. LostError: the connection went. ApiError, ConfigError: an
        argument makes no sense.
    """
    demand_one_of("mode", mode, MODES)
    demand_seconds("lock_timeout", lock_timeout)
    recorder = Recorder(progress)
    choice = Choice(project, registry, committer)
    with working(conn_or_dsn, choice, reading=False) as found:
        changes = runner.deploy(
            found.connection,
            found.project,
            to=to,
            mode=mode,
            verify=verify,
            log_only=log_only,
            variables=found.variables("deploy", variables),
            lock_timeout=lock_timeout,
            tell=recorder,
        )
        plan = found.project.plan
    recorder.finish()
    last = changes[-1] if changes else plans.resolve(plan, to or "@HEAD")
    first = changes[0].index if changes else last.index + 1
    return DeployResult(
        project=plan.project,
        changes=recorder.deployed(changes),
        before=plan.changes[first - 1].label if first else None,
        after=last.label,
        seconds=recorder.seconds,
    )


def revert(  # noqa: PLR0913 - the options of the command
    conn_or_dsn: Source,
    *,
    to: str | None,
    allow_data_loss: bool = False,
    log_only: bool = False,
    variables: Mapping[str, str] = NO_VARIABLES,
    lock_timeout: float = 60,
    project: Path | str | None = None,
    registry: str | None = None,
    committer: str | None = None,
    progress: Listener = unheard,
) -> RevertResult:
    """
    Revert what is deployed after ``to``, the newest first; nobody is asked.

    Args: to: the change or tag that stays deployed, None for none at all; it has no
        default, so that nothing goes by mistake; allow_data_loss: lose the rows that
        go with it, which the packaged plan refuses otherwise; the others: as deploy.
    Raises: DataLossError: rows would be lost, and nothing was reverted, or the change
        that it names stays. ScriptError: a script failed; what was reverted before it
        stays reverted. RegistryError: ``to`` is not deployed, somebody else is at it.
        All others: as deploy.
    """
    demand_seconds("lock_timeout", lock_timeout)
    recorder = Recorder(progress)
    choice = Choice(project, registry, committer)
    doomed: list[Applied] = []

    def noted(agreed: Sequence[Applied], _: str | None) -> bool:
        doomed.extend(agreed)
        return True

    with working(conn_or_dsn, choice, reading=False) as found:
        runner.revert(
            found.connection,
            found.project,
            to=to,
            confirm=noted,
            log_only=log_only,
            variables=found.variables("revert", variables),
            lock_timeout=lock_timeout,
            allow_data_loss=allow_data_loss,
            tell=recorder,
        )
        name = found.project.plan.project
        with told(found.connection):
            left = found.project.registry(found.connection).applied(name)
    recorder.finish()
    return RevertResult(
        project=name,
        changes=recorder.reverted(doomed),
        after=left[-1].label if left else None,
        losses=tuple(recorder.losses),
        seconds=recorder.seconds,
    )


def verify(  # noqa: PLR0913 - the options of the command
    conn_or_dsn: Source,
    *,
    since: str | None = None,
    to: str | None = None,
    variables: Mapping[str, str] = NO_VARIABLES,
    project: Path | str | None = None,
    registry: str | None = None,
    progress: Listener = unheard,
) -> VerifyResult:
    """
    Run the verify script of every deployed change, and collect what fails.

    Works on a standby too. What fails is in the result, and raises nothing:
    ``verify(...).raise_for_failures()`` does.
    Args: since, to: the first and the last deployed change to verify; the others: as
        deploy.
    Raises: RegistryError: there is no registry, or no such change. ConnectError: no
        connection, or a pooler in between. ApiError, ConfigError: as deploy.
    """
    recorder = Recorder(progress)
    with working(conn_or_dsn, Choice(project, registry), reading=True) as found:
        seen = verification.verify(
            found.connection,
            found.project,
            first=since,
            last=to,
            variables=found.variables("verify", variables),
            tell=recorder,
        )
    recorder.finish()
    return VerifyResult(
        project=found.project.plan.project,
        checked=seen.checked,
        failures=tuple(Failure(change, error) for change, error in seen.failures),
        pending=recording.planned(seen.pending),
        seconds=recorder.seconds,
    )
