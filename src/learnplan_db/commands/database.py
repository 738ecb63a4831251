"""
Commands that change a database: deploy, revert, rebase, checkout and upgrade.

Sqitch's names, options, defaults, output and exit codes. May import lower floors;
prints through the terminal only.
Source: Sqitch 1.3.1; docs/sqitch.md lists what differs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.commands.job import (
    connecting,
    deploy_changes,
    deploy_options,
    deploying,
    lost_json,
    opened,
    revert_changes,
    reverting,
    running,
    setting,
    unmodified,
)
from learnplan_db.commands.options import (
    App,
    change_option,
    command,
    json_option,
    set_option,
)
from learnplan_db.commands.rehearsing import rehearsal, rehearsing
from learnplan_db.engine import session, state
from learnplan_db.engine.git import Repository
from learnplan_db.engine.progress import Progress
from learnplan_db.engine.registry import VERSION
from learnplan_db.engine.session import told
from learnplan_db.errors import (
    ConfigError,
    NothingDoneError,
    RegistryError,
)
from learnplan_db.plans import plan as plans
from learnplan_db.reports import standing
from learnplan_db.settings.identity import committer

if TYPE_CHECKING:
    from collections.abc import Callable


@command(
    "deploy",
    "learnplan-db deploy --verify db:pg://db.example.org/app",
    "learnplan-db -C . deploy --to @v1.0.0 --mode change",
    "learnplan-db deploy --dry-run --to @v1.0.0 db:pg://db.example.org/app",
)
@connecting
@change_option("--to", "--to-change", "--change", "to", help="Last change to deploy.")
@deploying
@running
@rehearsing
@json_option
def deploy(app: App, *, to: str | None, words: tuple[str, ...], **given: Any) -> None:
    """Deploy what is pending."""
    rehearsed = rehearsal(app, given)
    with opened(app, given, words) as job:
        if rehearsed:
            rehearsed(job, job.change(to, "deploying to"))
            return
        done = deploy_changes(job, given, job.change(to, "deploying to"))
        job.printer.finish()
    if app.terminal.as_json:
        app.terminal.json(deployed=[standing.change_json(change) for change in done])


@command(
    "revert",
    "learnplan-db revert --to table_tasks -y",
    "learnplan-db -C . revert --modified -y",
)
@connecting
@change_option("--to", "--to-change", "--change", "to", help="Last change to keep.")
@click.option(
    "-m", "--modified", is_flag=True, help="Revert to before the first edited script."
)
@reverting
@running
@json_option
def revert(
    app: App, *, to: str | None, modified: bool, words: tuple[str, ...], **given: Any
) -> None:
    """Revert changes, newest first, with the data in them."""
    strict = setting(app, ("revert.strict",), default=False)
    with opened(app, given, words) as job:
        if strict and not modified:
            if not to and not job.changes:
                raise ConfigError.strict_target()
            if len(job.changes) + bool(to) > 1:
                raise ConfigError.strict_changes()
        if modified:
            _, to = unmodified(job)
            job.changes.clear()
        done = revert_changes(job, given, job.change(to, "reverting to"))
        job.printer.finish()
    if app.terminal.as_json:
        app.terminal.json(reverted=list(done), lost=lost_json(job.printer.lost))


def _rebasing(function: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in (
        reverting,
        deploying,
        set_option("-r", "--set-revert", "revert_variables"),
        set_option("-e", "--set-deploy", "deploy_variables"),
        running,
    ):
        function = decorate(function)
    return function


@command("rebase", "learnplan-db -C . rebase --onto @v1.0.0 -y")
@connecting
@change_option("--onto", "--onto-change", "onto", help="Last change to keep.")
@change_option("--upto", "--upto-change", "upto", help="Last change to deploy.")
@click.option(
    "-m", "--modified", is_flag=True, help="Revert to before the first edited script."
)
@_rebasing
@json_option
def rebase(
    app: App,
    *,
    onto: str | None,
    upto: str | None,
    modified: bool,
    words: tuple[str, ...],
    **given: Any,
) -> None:
    """Revert, then deploy again."""
    _refuse_strict(app, "rebase")
    with opened(app, given, words) as job:
        if modified:
            _, onto = unmodified(job)
        else:
            onto = job.first(onto)
        upto = job.change(upto, f'rebasing onto "{onto}" up to')
        # Sqitch looks whether it can deploy only after it has reverted.
        from learnplan_db.engine import runner  # noqa: PLC0415 - slow import

        options = deploy_options(job, given, upto, "rebase")
        runner.rehearse(job.connection, job.project, kept=onto, **options)
        reverted = revert_changes(job, given, onto, "rebase")
        done = deploy_changes(job, given, upto, "rebase")
        job.printer.finish()
    if app.terminal.as_json:
        changes = [standing.change_json(change) for change in done]
        lost = lost_json(job.printer.lost)
        app.terminal.json(reverted=list(reverted), lost=lost, deployed=changes)


def _refuse_strict(app: App, name: str) -> None:
    strict = setting(app, ("revert.strict",), default=False)
    if setting(app, (f"{name}.strict",), default=strict):
        raise ConfigError.strict_command(name)


@command("checkout", "learnplan-db -C . checkout feature -y")
@connecting
@_rebasing
@json_option
def checkout(app: App, *, words: tuple[str, ...], **given: Any) -> None:
    """Revert to where a git branch parted, switch to it, and deploy its changes."""
    _refuse_strict(app, "checkout")
    with opened(app, given, words, changes=False, names=1) as job:
        branch = job.name
        git = app.configuration.get("core.vcs.client") or "git"
        repository = Repository(git, job.target.root)
        current = repository.branch()
        if current == branch:
            raise NothingDoneError(f"Already on branch {branch}")
        data = repository.show(branch, job.target.plan_file)
        theirs = plans.parse(data, f"{branch}:{job.target.plan_file}")
        common = None
        for change in theirs.changes:
            if not plans.by_id(job.project.plan, change.id):
                break
            common = change
        if common is None:
            raise ConfigError.no_common_change(branch, current)
        app.terminal.info(f"Last change before the branches diverged: {common.label}")
        from learnplan_db.engine import runner  # noqa: PLC0415 - slow import

        repository.rehearse(branch)
        by = committer(app.configuration)
        with TemporaryDirectory() as there:
            root = repository.export(branch, Path(there))
            elsewhere = replace(job.target, root=root)
            runner.rehearse(
                job.connection,
                state.load(elsewhere, theirs, committer=by),
                kept=common.id,
                **deploy_options(job, given, None, "checkout"),
            )
        reverted = revert_changes(job, given, common.id, "checkout")
        repository.checkout(branch)
        job.project = state.load(job.target, theirs, committer=by)
        done = deploy_changes(job, given, None, "checkout")
        job.printer.finish()
    if app.terminal.as_json:
        changes = [standing.change_json(change) for change in done]
        lost = lost_json(job.printer.lost)
        app.terminal.json(reverted=list(reverted), lost=lost, deployed=changes)


@command("upgrade", "learnplan-db upgrade db:pg://db.example.org/app")
@connecting
@json_option
def upgrade(app: App, *, words: tuple[str, ...], **given: Any) -> None:
    """Bring the registry to the current version; make it if there is none."""
    from learnplan_db.engine.work import Work  # noqa: PLC0415 - slow import

    with opened(app, given, words, changes=False) as job:
        work = Work(job.connection, job.project, job.printer)
        with (
            told(job.connection),
            session.fit(job.connection),
            work.locked(),
        ):
            found = work.registry.version()
            if found is None:
                job.printer(Progress("create-registry"))
                work.registry.create(job.project.committer)
            elif found > VERSION:
                name = job.target.name
                raise RegistryError.other_version(found, VERSION, name)
            elif found == VERSION:
                app.terminal.info(
                    f"Registry {job.target.name} is up-to-date at version {VERSION}"
                )
            else:
                app.terminal.info(
                    f"Upgrading registry {job.target.name} to version {VERSION}"
                )
                work.upgrade(found)
    if app.terminal.as_json:
        app.terminal.json(version=VERSION, found=found)
