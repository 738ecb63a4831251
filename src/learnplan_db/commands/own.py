"""
Commands that Sqitch has not: render, demo, psql and the embedded server.

May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from learnplan_db.commands import candidates
from learnplan_db.commands import tables as report
from learnplan_db.commands.options import (
    App,
    Command,
    command,
    example,
    json_option,
    pass_app,
    target_option,
)
from learnplan_db.commands.progress import Printer
from learnplan_db.engine import runner, session, state, verification
from learnplan_db.errors import ConfigError, ServerError, VerifyError
from learnplan_db.evidence import formats
from learnplan_db.proof.prover import prove
from learnplan_db.security import render as rendering
from learnplan_db.security.variables import Variables
from learnplan_db.server import demo as sample
from learnplan_db.server.embedded import Server, state_root
from learnplan_db.settings import config

if TYPE_CHECKING:
    from learnplan_db.server.embedded import ServerStatus


def _server() -> Server:
    return Server(state_root(os.environ), environ=os.environ)


@command("render", "learnplan-db render --set authenticated=app_user --out mydb")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE")
@click.option("--out", type=click.Path(path_type=Path), help="Write a whole project.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 on a difference.")
@json_option
@pass_app
def render(
    app: App, *, settings: tuple[str, ...], out: Path | None, check: bool
) -> None:
    """Write the policy scripts from their templates."""
    variables = Variables.from_settings(settings)
    if out:
        changed = sorted(rendering.export(app.root, out, variables))
        message = f"Wrote a project of {len(changed)} rendered scripts to {out}"
    else:
        rendered = rendering.render_project(app.root / "policies", variables)
        diffs = rendering.differences(rendered, app.root / "sql")
        if check:
            _tell_differences(app, diffs)
            return
        changed = rendering.write(rendered, app.root / "sql")
        message = f"Wrote {len(changed)} scripts" if changed else "Nothing to render"
    if app.terminal.as_json:
        app.terminal.json(written=changed)
    else:
        app.terminal.emit(message)


def _tell_differences(app: App, diffs: list[str]) -> None:
    """Print what rendering would change, and exit with 1 if it is anything."""
    if app.terminal.as_json:
        app.terminal.json(differences=diffs)
    else:
        app.terminal.emit("".join(diffs), end="")
    if diffs:
        app.terminal.vent(f"{len(diffs)} scripts differ: learnplan-db render")
        sys.exit(1)


@command("demo", "learnplan-db demo")
@click.option("--fresh", is_flag=True, help="Drop the demo's database first.")
@json_option
@pass_app
def demo(app: App, *, fresh: bool) -> None:
    """Deploy on the embedded server, load a sample, and show who may do what."""
    server = _server().start()
    conninfo = sample.database(server, fresh=fresh)
    target = app.target(conninfo)
    project = state.load(target)
    with session.connect(conninfo) as connection:
        done = runner.deploy(
            connection, project, verify=True, tell=Printer(app.terminal, target)
        )
        checked = verification.verify(connection, project)
    if checked.failures:
        raise VerifyError.demo_failed([name for name, _ in checked.failures])
    rows = sample.load_sample(conninfo)
    with session.connect(conninfo) as connection:
        proof = prove(connection)
    if app.terminal.as_json:
        app.terminal.json(
            deployed=[change.name for change in done],
            verified=checked.checked,
            rows=rows,
            access=formats.as_json(proof),
        )
    else:
        head = report.demo(server.status(), len(done), checked.checked, rows)
        app.terminal.emit(head)
        app.terminal.emit(report.access(proof.results))
        app.terminal.emit(report.LEGEND)
        app.terminal.emit(formats.as_text(proof))
    if proof.findings:
        sys.exit(1)


@command("psql", "learnplan-db psql db:pg://db.example.org/app -- -c 'select 1'")
@target_option
@click.argument("words", nargs=-1, shell_complete=candidates.targets)
@pass_app
def psql(app: App, *, target: str | None, words: tuple[str, ...]) -> None:
    """Open psql on the target; what follows -- goes to psql."""
    if words and not words[0].startswith("-"):
        target, *words_left = words
        words = tuple(words_left)
    conninfo = app.target(target).conninfo
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
    os.execve(program, [program, "-d", safe, *words], environment)  # noqa: S606


@click.group("server", epilog=example("learnplan-db server start"))
def server() -> None:
    """Start, stop or look at the embedded server."""


@server.command(
    "start", cls=Command, epilog=example("learnplan-db server start --port 5433")
)
@click.option("--port", type=click.IntRange(1, 65535), help="Listen on 127.0.0.1 too.")
@json_option
@pass_app
def start(app: App, *, port: int | None) -> None:
    r"""
    Start the embedded server; it keeps running.

    Its socket needs no password. A TCP port does, since every account of the machine
    reaches it: set one with "learnplan-db psql", then "\password".
    """
    _show_server(app, _server().start(port).status())


@server.command("stop", cls=Command, epilog=example("learnplan-db server stop"))
@json_option
@pass_app
def stop(app: App) -> None:
    """Stop the embedded server; its data stay."""
    found = _server()
    found.stop()
    _show_server(app, found.status())


@server.command(
    "status", cls=Command, epilog=example("learnplan-db server status --json")
)
@json_option
@pass_app
def server_status(app: App) -> None:
    """Say whether the embedded server runs; exit 1 if not."""
    found = _server().status()
    _show_server(app, found)
    if not found.running:
        sys.exit(1)


def _show_server(app: App, found: ServerStatus) -> None:
    if app.terminal.as_json:
        app.terminal.json(**report.server_json(found))
    else:
        app.terminal.emit(report.server(found))
