"""
One command on one database: its words and options, and what it then does.

What reads and runs scripts is imported where something is to run: a deploy mostly
finds nothing to do. May import lower floors; prints through the terminal only.
Source: Sqitch 1.3.1.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.commands import candidates
from learnplan_db.commands.arguments import Wanted
from learnplan_db.commands.options import (
    App,
    override_options,
    pass_app,
    set_option,
    target_option,
)
from learnplan_db.commands.progress import Printer
from learnplan_db.engine import pending, session, state
from learnplan_db.engine.progress import Progress
from learnplan_db.engine.session import told
from learnplan_db.errors import ConfigError, DataLossError
from learnplan_db.settings import targets
from learnplan_db.settings.identity import committer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from learnplan_db.commands.arguments import Arguments
    from learnplan_db.engine.registry import Applied
    from learnplan_db.engine.state import Project
    from learnplan_db.errors import Loss
    from learnplan_db.model import Change, Target

Options = dict[str, Any]
MODES = ("all", "tag", "change")


@dataclass(slots=True)
class Job:
    """One command on one database: what was named, and the connection to it."""

    app: App
    project: Project
    changes: list[str]
    connection: session.Connection
    printer: Printer
    name: str = ""

    @property
    def target(self) -> Target:
        """Return the target of the project."""
        return self.project.target

    def reconnect(self) -> None:
        """Connect again, if the connection was lost in a first step that has ended."""
        if self.connection.closed:
            self.connection = session.connect(self.target.conninfo)

    def variables(self, name: str, given: Mapping[str, str]) -> dict[str, str]:
        """Return psql's variables for the scripts of a command."""
        return targets.script_variables(
            self.app.configuration, self.target, name, given
        )

    def first(self, option: str | None) -> str | None:
        """Return the change that an option names, even if empty, else the next word."""
        if option is not None:
            return option
        return self.changes.pop(0) if self.changes else None

    def change(self, option: str | None, doing: str) -> str | None:
        """Return the change that an option or a word names; warn of more."""
        chosen = self.first(option)
        if self.changes:
            text = f'Too many changes specified; {doing} "{chosen}"'
            self.app.terminal.warn(text)
        return chosen


@contextmanager
def opened(
    app: App,
    given: Options,
    words: tuple[str, ...],
    *,
    changes: bool = True,
    names: int = 0,
) -> Iterator[Job]:
    """
    Provide what a command works on; close the connection after it.

    Args: names: 1 if a word, which is no target, is the name of a branch.
    """
    wanted = Wanted(given["target"], given["overrides"], changes=changes, names=names)
    named: Arguments = app.arguments(words, wanted)
    if names and not named.names:
        raise ConfigError.no_branch()
    target = named.target
    if len(named.targets) > 1:
        text = f"Too many targets specified; connecting to {target.name}"
        app.terminal.warn(text)
    project = state.load(target, committer=committer(app.configuration))
    connection = session.connect(target.conninfo)
    printer = Printer(app.terminal, target)
    job = Job(app, project, list(named.changes), connection, printer, *named.names)
    try:
        if warning := session.outdated(connection):
            app.terminal.debug(warning)
        yield job
    finally:
        job.connection.close()


def connecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command its words, --target and the options that override a target."""
    names = ("registry", "client", "dbname", "user", "host", "port")
    for decorate in (
        override_options(*names, "plan_file", "top_dir"),
        target_option,
        click.argument(
            "words",
            nargs=-1,
            metavar="[CHANGE] [TARGET]",
            shell_complete=candidates.words,
        ),
        pass_app,
    ):
        function = decorate(function)
    return function


def _patience(_: click.Context, __: click.Parameter, value: float) -> float:
    """Refuse seconds that would mean not to wait at all, or for ever."""
    if not 0 <= value <= session.LONGEST:  # nan neither
        text = f"{value:g} is not between 0 and {session.LONGEST} seconds"
        raise click.BadParameter(text)
    return value


def running(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of all that run deploy or revert scripts."""
    for decorate in (
        set_option("-s", "--set", "variables"),
        click.option("--log-only", is_flag=True, help="Write the registry alone."),
        click.option(
            "--lock-timeout",
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            callback=_patience,
            help="How long to ask for locks.",
        ),
    ):
        function = decorate(function)
    return function


def reverting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of all that revert."""
    for decorate in (
        click.option("-y", "yes", is_flag=True, help="Do not ask."),
        click.option(
            "--allow-data-loss",
            is_flag=True,
            help="Lose the rows that go; without it a guarded project refuses.",
        ),
    ):
        function = decorate(function)
    return function


def deploying(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of all that deploy."""
    for decorate in (
        click.option(
            "--mode",
            type=click.Choice(MODES),
            help="What a failure takes back: all (default), to the last tag, or just "
            "the failed change.",
        ),
        click.option("--verify/--no-verify", default=None, help="Verify each change."),
    ):
        function = decorate(function)
    return function


def client_of(given: Options) -> str | None:
    """Return the psql that the command line asks to run scripts with."""
    client: str | None = given["overrides"].get("client")
    return client


def setting(app: App, keys: tuple[str, ...], *, default: bool) -> bool:
    """Return the first boolean that is configured."""
    for key in keys:
        if app.configuration.get(key) is not None:
            return app.configuration.boolean(key)
    return default


def deploy_changes(
    job: Job, given: Options, to: str | None, name: str = "deploy"
) -> tuple[Change, ...]:
    """Deploy as options and configuration say; return the changes deployed."""
    options, patience = deploy_options(job, given, to, name), given["lock_timeout"]
    job.reconnect()
    if pending.nothing(job.connection, job.project, to, patience, job.printer):
        return ()
    from learnplan_db.engine import runner  # noqa: PLC0415 - slow import

    return runner.deploy(
        job.connection,
        job.project,
        **options,
        lock_timeout=patience,
        looked=True,
        tell=job.printer,
    )


def deploy_options(
    job: Job, given: Options, to: str | None, name: str
) -> dict[str, Any]:
    """Return what the command line and the configuration say of a deploy."""
    app = job.app
    verify = given["verify"]
    if verify is None:
        keys = tuple(dict.fromkeys((f"{name}.verify", "deploy.verify")))
        verify = setting(app, keys, default=False)
    configured = app.configuration.get(f"{name}.mode")
    mode = given["mode"] or configured or app.configuration.get("deploy.mode") or "all"
    if mode not in MODES:
        raise ConfigError.bad_mode(mode, MODES)
    variables = given["variables"] | given.get("deploy_variables", {})
    return {
        "to": to,
        "mode": mode,
        "verify": verify,
        "log_only": given["log_only"],
        "variables": job.variables("deploy", variables),
        "client": client_of(given),
    }


def revert_changes(
    job: Job, given: Options, to: str | None, name: str = "revert"
) -> tuple[str, ...]:
    """Ask, revert as options and configuration say, and return the names."""
    from learnplan_db.engine import runner  # noqa: PLC0415 - slow import

    try:
        return runner.revert(
            job.connection,
            job.project,
            to=to,
            confirm=_confirmer(job, given, name),
            log_only=given["log_only"],
            variables=job.variables(
                "revert", given["variables"] | given.get("revert_variables", {})
            ),
            client=client_of(given),
            lock_timeout=given["lock_timeout"],
            allow_data_loss=given["allow_data_loss"],
            tell=job.printer,
        )
    except DataLossError as error:
        if job.app.terminal.as_json:
            would = lost_json(error.losses)
            job.app.terminal.json(would_lose=would, error=error.as_json())
        raise


def lost_json(losses: Sequence[Loss]) -> list[dict[str, Any]]:
    """Return losses for machines; rows is null where nobody can tell."""
    return [
        {"change": one.change, "object": one.what, "rows": one.rows, "text": one.words}
        for one in losses
    ]


def _confirmer(
    job: Job, given: Options, name: str
) -> Callable[[list[Applied], str | None], bool]:
    """Return what asks before a revert, or tells that it begins."""
    app = job.app
    keys = tuple(dict.fromkeys((name, "revert")))
    unasked = given["yes"] or setting(
        app, tuple(f"{key}.no_prompt" for key in keys), default=False
    )

    def confirm(_: list[Applied], kept: str | None) -> bool:
        if unasked:
            job.printer(Progress("reverting", kept or ""))
            return True
        what = f"changes to {kept}" if kept else "all changes"
        if not sys.stdin.isatty():
            raise ConfigError.no_answer(name)
        default = setting(
            app, tuple(f"{key}.prompt_accept" for key in keys), default=True
        )
        question = f"Revert {what} from {job.target.name}?"
        answer = app.terminal.ask(question, default=default)
        if answer is None:
            raise ConfigError.no_valid_answer()
        return answer

    return confirm


def unmodified(job: Job) -> tuple[bool, str | None]:
    """Return whether anything is to be reverted, and the last unmodified change."""
    registry = job.project.registry(job.connection)
    with told(job.connection):
        state.demand_registry(registry, job.target)
        applied = registry.applied(job.project.plan.project)
    place = state.divergence(job.project, applied)
    if place is None:
        return False, applied[-1].change_id if applied else None
    return True, applied[place - 1].change_id if place else None
