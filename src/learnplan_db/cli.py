"""
The command line: arguments in, text and exit code out; the only printer.

Results go to standard output, progress and errors to standard error.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from learnplan_db import config, report
from learnplan_db.errors import (
    ConfigError,
    ConnectError,
    LearnplanError,
    ServerError,
    VerifyError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.embedded import Server
    from learnplan_db.runner import Progress
    from learnplan_db.state import Project

ROOT: dict[str, Path | None] = {"path": None}
SCHEMA_VERSION = 1


class Main(click.Group):
    """The group that turns our errors into three lines and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a LearnplanError is the user's to mend, so no traceback."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except LearnplanError as error:
            self._show(ctx, error)
        except Exception as error:
            state = getattr(error, "sqlstate", None)
            if type(error).__module__.split(".")[0] != "psycopg":
                raise  # ours to mend: keep the traceback
            self._show(ctx, ConnectError.database_said(str(error), state))
        except KeyboardInterrupt:
            click.echo("interrupted; nothing is left half done", err=True)
            ctx.exit(130)

    @staticmethod
    def _show(ctx: click.Context, error: LearnplanError) -> None:
        """Print an error and leave with its exit code."""
        label = click.style("error:", fg="red", bold=True)
        click.echo(f"{label} {error}", err=True, color=ctx.color)
        ctx.exit(error.exit_code)


def example(text: str) -> str:
    """Return the epilog that shows a command in use."""
    return f"\b\nExample:\n  {text}"


@click.group(
    cls=Main,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("learnplan-db status postgresql://localhost/app"),
)
@click.option(
    "-C",
    "--cd",
    "root",
    type=click.Path(path_type=Path),
    help="Project directory; without it, the packaged plan.",
)
@click.version_option(package_name="learnplan-db")
def cli(root: Path | None) -> None:
    """
    Deploy, protect and prove the learning-plan schema.

    Exit codes: 0 fine, 1 a finding, 2 wrong use or plan, 3 a script failed in the
    database, 4 no connection.
    """
    ROOT["path"] = root


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument TARGET and the option --target."""
    command = click.option(
        "-t", "--target", "option", metavar="TARGET", help="Same as the argument."
    )(command)
    return click.argument("target", required=False)(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --json."""
    return click.option("--json", "as_json", is_flag=True, help="For machines.")(
        command
    )


def _server() -> Server:
    from learnplan_db.embedded import Server, state_root  # noqa: PLC0415 - slow import

    return Server(state_root(os.environ), environ=os.environ)


def _conninfo(target: str | None, option: str | None) -> str:
    """Return the database meant: argument, option, DATABASE_URL, else embedded."""
    given = target or option or config.default_target()
    if given:
        return config.conninfo(given)
    from learnplan_db import demo  # noqa: PLC0415 - slow import

    server = _server().start()
    click.echo(f"no target: using the embedded server at {server.socket}", err=True)
    return demo.database(server)


def _project() -> Project:
    from learnplan_db import state  # noqa: PLC0415 - slow import

    return state.load(config.project_root(ROOT["path"]))


def _print_json(**data: Any) -> None:
    click.echo(json.dumps({"schema_version": SCHEMA_VERSION} | data, default=str))


def _tell(signs: dict[str, str], *, quiet: bool = False) -> Callable[[Progress], None]:
    """Return a callback that prints a line for each change as Sqitch does."""

    def tell(step: Progress) -> None:
        if quiet:
            return
        if step.action == "wait":
            click.echo(
                f"another deploy is running ({step.label}); waiting {step.seconds:g} s",
                err=True,
            )
        elif step.state == "start":
            click.echo(f"  {signs[step.action]} {step.label} .. ", nl=False, err=True)
        else:
            colour = "green" if step.state == "ok" else "red"
            state = click.style(step.state, fg=colour)
            click.echo(f"{state} {step.seconds * 1000:.0f} ms", err=True)

    return tell


SIGNS = {"deploy": "+", "revert": "-", "verify": "*"}


@cli.command(epilog=example("learnplan-db deploy --verify db:pg://localhost/app"))
@target_options
@click.option("--to", "--to-change", help="Last change to deploy.")
@click.option("--verify/--no-verify", default=False, help="Verify each change too.")
@click.option(
    "--lock-timeout", default=60.0, show_default=True, help="Seconds to ask for locks."
)
@json_option
def deploy(  # noqa: PLR0913 - the options of the command
    *,
    target: str | None,
    option: str | None,
    to: str | None,
    verify: bool,
    lock_timeout: float,
    as_json: bool,
) -> None:
    """Deploy what is pending."""
    from learnplan_db import runner, session  # noqa: PLC0415 - slow import

    project, conninfo = _project(), _conninfo(target, option)
    began = time.monotonic()
    with session.connect(conninfo) as connection:
        if warning := session.outdated(connection):
            click.echo(f"warning: {warning}", err=True)
        done = runner.deploy(
            connection,
            project,
            to=to,
            verify=verify,
            lock_timeout=lock_timeout,
            tell=_tell(SIGNS),
        )
    if as_json:
        _print_json(deployed=[report.change_json(change) for change in done])
    elif done:
        seconds = time.monotonic() - began
        click.echo(
            f"Deployed {len(done)} changes to {config.display(conninfo)}"
            f" in {seconds:.1f} s"
        )
    else:
        click.echo("Nothing to deploy (up-to-date)")


@cli.command(epilog=example("learnplan-db revert --to table_tasks -y"))
@target_options
@click.option("--to", "--to-change", help="Last change to keep; without it, none.")
@click.option("-y", "yes", is_flag=True, help="Do not ask.")
@click.option(
    "--lock-timeout", default=60.0, show_default=True, help="Seconds to ask for locks."
)
@json_option
def revert(  # noqa: PLR0913 - the options of the command
    *,
    target: str | None,
    option: str | None,
    to: str | None,
    yes: bool,
    lock_timeout: float,
    as_json: bool,
) -> None:
    """Revert changes, newest first, with the data in them."""
    from learnplan_db import runner, session, state  # noqa: PLC0415 - slow import

    project, conninfo = _project(), _conninfo(target, option)
    with session.connect(conninfo) as connection:
        doomed = state.to_revert(connection, project, to)
        if doomed and not yes:
            question = f"Revert {len(doomed)} changes from {config.display(conninfo)}?"
            if not sys.stdin.isatty():
                raise ConfigError.no_answer("revert")
            if not click.confirm(question, default=False, err=True):
                click.echo("Nothing reverted")
                sys.exit(1)
        done = runner.revert(
            connection,
            project,
            to=to,
            confirmed=None if yes else doomed,
            lock_timeout=lock_timeout,
            tell=_tell(SIGNS),
        )
    if as_json:
        _print_json(reverted=list(done))
    else:
        click.echo(f"Reverted {len(done)} changes" if done else "Nothing to revert")


@cli.command(epilog=example("learnplan-db verify db:pg://localhost/app"))
@target_options
@json_option
def verify(*, target: str | None, option: str | None, as_json: bool) -> None:
    """Check that the database is what the plan says; exit 1 if not."""
    from learnplan_db import runner, session  # noqa: PLC0415 - slow import

    project = _project()
    with session.connect(_conninfo(target, option)) as connection:
        found = runner.verify(connection, project, tell=_tell(SIGNS))
    if as_json:
        _print_json(
            checked=found.checked,
            failures=[{"change": n, "error": str(e)} for n, e in found.failures],
            pending=[change.name for change in found.pending],
        )
    else:
        for change in found.pending:
            click.echo(f"not deployed: {change.label}")
    if found.failures:
        for name, error in found.failures:
            click.echo(f"{name}: {error}", err=True)
        names = [name for name, _ in found.failures]
        raise VerifyError.failed(len(names), names)
    if not as_json:
        click.echo(f"Verify successful ({found.checked} changes)")


@cli.command(epilog=example("learnplan-db status --json"))
@target_options
@click.option("--check", is_flag=True, help="Exit 1 when changes are pending.")
@json_option
def status(
    *, target: str | None, option: str | None, check: bool, as_json: bool
) -> None:
    """Say what is deployed and what is pending."""
    from learnplan_db import session, state  # noqa: PLC0415 - slow import

    project, conninfo = _project(), _conninfo(target, option)
    with session.connect(conninfo) as connection:
        found = state.status(connection, project)
    if as_json:
        _print_json(**report.status_json(found))
    else:
        click.echo(report.status(found, config.display(conninfo)))
    if not found.applied or (check and found.pending):
        sys.exit(1)


@cli.command(epilog=example("learnplan-db log --json"))
@target_options
@json_option
def log(*, target: str | None, option: str | None, as_json: bool) -> None:
    """Show all that happened, newest first."""
    from learnplan_db import runner, session  # noqa: PLC0415 - slow import

    conninfo = _conninfo(target, option)
    with session.connect(conninfo) as connection:
        events = runner.log(connection)
    if as_json:
        _print_json(events=events)
    else:
        click.echo(report.log(events, config.display(conninfo)))
    if not events:
        sys.exit(1)


@cli.command(epilog=example("learnplan-db plan --json"))
@json_option
def plan(*, as_json: bool) -> None:
    """Show the plan."""
    project = _project()
    if as_json:
        changes = [report.change_json(change) for change in project.plan.changes]
        _print_json(project=project.plan.project, changes=changes)
    else:
        click.echo(report.plan(project.plan))


@cli.command(
    epilog=example("learnplan-db render --set authenticated=app_user --out mydb")
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE")
@click.option("--out", type=click.Path(path_type=Path), help="Write a whole project.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 on a difference.")
@json_option
def render(
    *, settings: tuple[str, ...], out: Path | None, check: bool, as_json: bool
) -> None:
    """Write the policy scripts from their templates."""
    from learnplan_db import render as rendering  # noqa: PLC0415 - slow import

    variables = rendering.Variables.from_settings(settings)
    root = config.project_root(ROOT["path"])
    if out:
        changed = sorted(rendering.export(root, out, variables))
        message = f"Wrote a project of {len(changed)} rendered scripts to {out}"
    else:
        rendered = rendering.render_project(root / "policies", variables)
        diffs = rendering.differences(rendered, root / "sql")
        if check:
            click.echo("".join(diffs), nl=False)
            if diffs:
                click.echo(
                    f"{len(diffs)} scripts differ: learnplan-db render", err=True
                )
                sys.exit(1)
            return
        changed = rendering.write(rendered, root / "sql")
        message = f"Wrote {len(changed)} scripts" if changed else "Nothing to render"
    if as_json:
        _print_json(written=changed)
    else:
        click.echo(message)


@cli.command(epilog=example("learnplan-db demo"))
@click.option("--fresh", is_flag=True, help="Drop the demo's database first.")
@json_option
def demo(*, fresh: bool, as_json: bool) -> None:
    """Deploy on the embedded server, load a sample, and show who may do what."""
    import psycopg  # noqa: PLC0415 - slow import

    from learnplan_db import access, runner, session  # noqa: PLC0415 - slow import
    from learnplan_db import demo as sample  # noqa: PLC0415 - slow import

    project, server = _project(), _server().start()
    conninfo = sample.database(server, fresh=fresh)
    with session.connect(conninfo) as connection:
        done = runner.deploy(connection, project, verify=True, tell=_tell(SIGNS))
        checked = runner.verify(connection, project)
    if checked.failures:
        names = [name for name, _ in checked.failures]
        raise VerifyError.failed(len(names), names)
    rows = sample.load_sample(conninfo)
    application, service = sample.logins(conninfo)
    with psycopg.connect(application) as user, psycopg.connect(service) as system:
        attempts = list(access.attempts(user, system))
    if as_json:
        _print_json(
            deployed=[change.name for change in done],
            verified=checked.checked,
            rows=rows,
            access=[report.attempt_json(attempt) for attempt in attempts],
        )
        return
    click.echo(report.demo(server.status(), len(done), checked.checked, rows))
    click.echo(report.access(attempts))
    click.echo(report.LEGEND)


@cli.command(
    epilog=example("learnplan-db psql db:pg://localhost/app -- -c 'select 1'"),
)
@target_options
@click.argument("arguments", nargs=-1)
def psql(*, target: str | None, option: str | None, arguments: tuple[str, ...]) -> None:
    """Open psql on the target; what follows -- goes to psql."""
    if target and target.startswith("-"):
        arguments, target = (target, *arguments), None
    conninfo = _conninfo(target, option)
    program = shutil.which("psql")
    if not program:
        try:
            embedded = _server().binary("psql")
        except ServerError as error:
            raise ConfigError.no_psql() from error
        if not embedded.exists():
            raise ConfigError.no_psql()
        program = str(embedded)
    # The password goes by the environment: other users can read arguments.
    safe, environment = config.without_password(conninfo)
    sys.stdout.flush()
    os.execve(program, [program, "-d", safe, *arguments], environment)  # noqa: S606


@cli.group(epilog=example("learnplan-db server start"))
def server() -> None:
    """Start, stop or look at the embedded server."""


@server.command(epilog=example("learnplan-db server start --port 5433"))
@click.option("--port", type=click.IntRange(1, 65535), help="Listen on 127.0.0.1 too.")
@json_option
def start(*, port: int | None, as_json: bool) -> None:
    r"""
    Start the embedded server; it keeps running.

    Its socket needs no password. A TCP port does, since every account of the machine
    reaches it: set one with "learnplan-db psql", then "\password".
    """
    _show_server(_server().start(port), as_json=as_json)


@server.command(epilog=example("learnplan-db server stop"))
@json_option
def stop(*, as_json: bool) -> None:
    """Stop the embedded server; its data stay."""
    found = _server()
    found.stop()
    _show_server(found, as_json=as_json)


@server.command("status", epilog=example("learnplan-db server status --json"))
@json_option
def server_status(*, as_json: bool) -> None:
    """Say whether the embedded server runs; exit 1 if not."""
    found = _server()
    _show_server(found, as_json=as_json)
    if not found.status().running:
        sys.exit(1)


def _show_server(found: Server, *, as_json: bool) -> None:
    state = found.status()
    if as_json:
        _print_json(**report.server_json(state))
    else:
        click.echo(report.server(state))


def main() -> None:
    """Run the command line."""
    cli(prog_name="learnplan-db")
