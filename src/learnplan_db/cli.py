"""
The command line: which command is in which module, and errors as exit codes.

Commands are imported when they are used, so that each starts quickly. May import all;
prints through the terminal only.
"""

from __future__ import annotations

import atexit
import errno
import os
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from learnplan_db.commands.options import App, example, global_options
from learnplan_db.errors import (
    ConfigError,
    ConnectError,
    LearnplanError,
    did_you_mean,
    without_password,
)

COMMANDS = {
    "authoring": ("add", "rework", "tag"),
    "catalog": ("fingerprint",),
    "checking": ("verify", "check"),
    "config": ("config",),
    "database": ("deploy", "revert", "rebase", "checkout", "upgrade"),
    "drifting": ("drift",),
    "files": ("bundle", "show"),
    "own": ("render", "demo", "psql", "server"),
    "planned": ("plan",),
    "proving": ("prove",),
    "reports": ("log", "status"),
    "settings": ("engine", "init", "target"),
}
# Standard output is full, broken or closed; a reader that left is click's to tell.
UNWRITABLE = {errno.ENOSPC, errno.EIO, errno.EBADF}
MODULES = {name: module for module, names in COMMANDS.items() for name in names}


class Main(click.Group):
    """The group that loads commands late, and turns errors into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Return the names of all commands."""
        return sorted(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Return a command of one of the modules."""
        if cmd_name not in MODULES:
            return None
        module = import_module(f"learnplan_db.commands.{MODULES[cmd_name]}")
        found: click.Command = getattr(module, cmd_name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of that name."""
        if args and not args[0].startswith("-") and args[0] not in MODULES:
            known = did_you_mean(args[0], MODULES)
            ctx.fail(f'"{args[0]}" is not a command{known}')
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; what it says of passwords is in no error."""
        terminal = ctx.ensure_object(App).terminal
        words = [*args, *(part for word in args for part in _parts(word))]
        words += [
            os.environ.get(name, "") for name in ("DATABASE_URL", "SQITCH_TARGET")
        ]
        words += [repr(word)[1:-1] for word in words]
        shown = {word: without_password(word) for word in words}
        terminal.hidden = {word: text for word, text in shown.items() if word != text}
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a LearnplanError is the user's to mend, so no traceback."""
        app = ctx.ensure_object(App)
        if os.environ.get("NO_COLOR"):
            app.terminal.color = ctx.color = False
        try:
            return super().invoke(ctx)
        except LearnplanError as error:
            self._leave(ctx, app, error)
        except click.UsageError as error:
            shown = app.terminal.shown(error.format_message())
            raise click.UsageError(shown, ctx=error.ctx) from error
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            where = ConfigError.output_unwritable(error)
            self._leave(ctx, app, where)
        except Exception as error:
            if type(error).__module__.split(".")[0] != "psycopg":
                raise  # ours to mend: keep the traceback
            state = getattr(error, "sqlstate", None)
            self._leave(ctx, app, ConnectError.database_said(str(error), state))
        except KeyboardInterrupt:
            app.terminal.vent("interrupted")
            ctx.exit(130)

    @staticmethod
    def _leave(ctx: click.Context, app: App, error: LearnplanError) -> None:
        """Print an error and leave with its exit code; a mild one is no error."""
        if error.mild:
            app.terminal.info(error.message)
        elif not error.shown:
            app.terminal.fail(str(error))
        if error.outcome and error.shown:
            app.terminal.vent(error.outcome)
        ctx.exit(error.exit_code)


def _parts(word: str) -> tuple[str, ...]:
    """Return what an option's word holds beside its name: --name=value, -nvalue."""
    if not word.startswith("-"):
        return ()
    return word.partition("=")[2], word[2:]


@click.group(
    cls=Main,
    params=global_options(),
    context_settings={"help_option_names": ["--help"]},
    epilog=example("learnplan-db -C . status db:pg:app"),
)
@click.version_option(package_name="learnplan-db")
def cli() -> None:
    """
    Deploy, protect and prove the learning-plan schema, or any Sqitch project.

    Exit codes: 0 fine, 1 a finding or nothing there, 2 an error.
    """


def main() -> None:
    """Run the command line, as a process of its own, which it ends."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed: nobody wants to read
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for good
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        cli(prog_name="learnplan-db")
    except SystemExit as done:
        _end(done.code)
        raise


def _end(code: str | int | None) -> None:
    """
    End the process at once, if nobody would notice: all was said, nothing runs.

    To take the interpreter down object by object costs as much as a short command.
    Returns where that is to be done after all, such as when standard output is closed.
    """
    watched = sys.gettrace() or sys.getprofile()
    if isinstance(code, str) or watched or threading.active_count() > 1:
        return
    try:
        atexit._run_exitfuncs()  # noqa: SLF001 - the interpreter's own next step
        for stream in (sys.stdout, sys.stderr):
            if stream:
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(code or 0)
