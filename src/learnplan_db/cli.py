"""
The command line: which command is in which module, and errors as exit codes.

Commands are imported when they are used, so that each starts quickly. May import all;
prints through the terminal only. docs/error_codes.md lists the exit codes.
"""

from __future__ import annotations

import atexit
import errno
import os
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from learnplan_db import terminal as screen
from learnplan_db.commands.completion import completed, completing
from learnplan_db.commands.options import (
    App,
    example,
    global_options,
)
from learnplan_db.commands.versions import version_option
from learnplan_db.errors import (
    ConfigError,
    ConnectError,
    LearnplanError,
    did_you_mean,
    without_password,
)

if TYPE_CHECKING:
    from typing import TextIO

    from click.shell_completion import CompletionItem

COMMANDS = {
    "authoring": ("add", "rework", "tag"),
    "catalog": ("fingerprint",),
    "checking": ("verify", "check"),
    "completion": ("completion",),
    "config": ("config",),
    "database": ("deploy", "revert", "rebase", "checkout", "upgrade"),
    "doctor": ("doctor",),
    "drawing": ("erd", "reference"),
    "drifting": ("drift",),
    "exporting": ("export",),
    "files": ("bundle", "show"),
    "own": ("render", "demo", "psql", "server"),
    "planned": ("plan",),
    "proving": ("prove",),
    "reports": ("log", "status"),
    "seeding": ("seed",),
    "settings": ("engine", "init", "target"),
}
# How --help groups them; what is in none of these comes last.
GROUPS = {
    "Databases": (
        *("deploy", "revert", "rebase", "checkout", "verify", "check", "status", "log"),
        *("doctor", "drift", "fingerprint", "upgrade", "seed", "psql", "server"),
    ),
    "Writing changes": (
        *("init", "add", "rework", "tag", "plan", "show", "render", "bundle"),
        *("export", "config", "engine", "target"),
    ),
    "Proving and showing": ("prove", "erd", "demo"),
}
# Standard output is full, broken or closed.
UNWRITABLE = {errno.ENOSPC, errno.EIO, errno.EBADF}
INTERRUPTED, PIPE_CLOSED = 130, 141  # as the shell has it, of SIGINT and SIGPIPE
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

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands by what they are for."""
        grouped = {name for names in GROUPS.values() for name in names}
        groups = GROUPS | {
            "More": tuple(n for n in sorted(MODULES) if n not in grouped)
        }
        width = formatter.width - 6 - max(map(len, MODULES))
        for title, names in groups.items():
            found = {name: self.get_command(ctx, name) for name in names}
            rows = [(n, c.get_short_help_str(width)) for n, c in found.items() if c]
            with formatter.section(title):
                formatter.write_dl(rows)

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[CompletionItem[str]]:
        """Offer the names of commands, loading none."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - slow import

        names = (name for name in sorted(MODULES) if name.startswith(incomplete))
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*map(CompletionItem, names), *options]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of that name."""
        if args and not args[0].startswith("-") and args[0] not in MODULES:
            known = did_you_mean(args[0], MODULES)
            ctx.fail(f'"{args[0]}" is not a command{known}')
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the command line, and print what --help and --version ask for."""
        try:
            return super().make_context(*args, **kwargs)
        except OSError as error:
            raise SystemExit(_unwritable(error, screen.Terminal())) from error
        except KeyboardInterrupt:
            raise SystemExit(INTERRUPTED) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; what it says of passwords is in no error."""
        app = ctx.ensure_object(App)
        app.terminal.color = ctx.color = screen.colors(os.environ)
        words = [*args, *(part for word in args for part in _parts(word))]
        words += [
            os.environ.get(name, "") for name in ("DATABASE_URL", "SQITCH_TARGET")
        ]
        words += [repr(word)[1:-1] for word in words]
        shown = {word: without_password(word) for word in words}
        hidden = {word: text for word, text in shown.items() if word != text}
        app.terminal.hidden = hidden
        end = args.index("--") if "--" in args else len(args)
        ctx.meta["json"] = "--json" in args[:end]
        if not args and not ctx.resilient_parsing:
            app.terminal.vent(ctx.get_help())
            ctx.exit(2)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            self._misused(ctx, app, error)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a LearnplanError is the user's to mend, so no traceback."""
        app = ctx.ensure_object(App)
        try:
            return super().invoke(ctx)
        except LearnplanError as error:
            self._leave(ctx, app, error)
        except click.UsageError as error:
            self._misused(ctx, app, error)
        except OSError as error:
            ctx.exit(_unwritable(error, app.terminal))
        except Exception as error:
            if type(error).__module__.split(".")[0] != "psycopg":
                raise  # ours to mend: keep the traceback
            state = getattr(error, "sqlstate", None)
            self._leave(ctx, app, ConnectError.database_said(str(error), state))
        except KeyboardInterrupt:
            self._interrupted(ctx, app)
        finally:
            app.terminal.erase()

    @staticmethod
    def _leave(ctx: click.Context, app: App, error: LearnplanError) -> None:
        """Print an error and leave with its exit code; a mild one is no error."""
        terminal, data = app.terminal, error.as_json()
        if error.mild:
            terminal.info(error.message)
        elif not error.shown:
            terminal.fail(str(error), **data)
        if error.outcome and error.shown:
            terminal.vent(error.outcome)
        terminal.give_up(**data)
        ctx.exit(error.exit_code)

    @staticmethod
    def _misused(ctx: click.Context, app: App, error: click.UsageError) -> None:
        """Say what is wrong with the command line: for machines too."""
        terminal = app.terminal
        text = terminal.shown(error.format_message())
        if not ctx.meta["json"]:
            raise click.UsageError(text, ctx=error.ctx) from error
        terminal.as_json = True
        path = (error.ctx or ctx).command_path
        told = LearnplanError(text, where=path, fix=f"see {path} --help")
        data = told.as_json() | {"class": "UsageError"}
        terminal.fail(text, **data)
        terminal.give_up(**data)
        ctx.exit(told.exit_code)

    @staticmethod
    def _interrupted(ctx: click.Context, app: App) -> None:
        """Say that somebody has pressed Ctrl-C."""
        data = LearnplanError("interrupted").as_json()
        data |= {"class": "Interrupted", "exit_code": INTERRUPTED}
        if app.terminal.as_json:
            app.terminal.fail("interrupted", **data)
        else:
            app.terminal.vent("interrupted")
        app.terminal.give_up(**data)
        ctx.exit(INTERRUPTED)


def _unwritable(error: OSError, terminal: screen.Terminal) -> int:
    """
    Say that standard output takes no more, and return the exit code.

    Nobody is told of a reader that left: both streams may be closed by now.
    Raises: OSError: it is about something else, and ours to mend.
    """
    if error.errno == errno.EPIPE:
        _drop(sys.stdout, sys.stderr)
        return PIPE_CLOSED
    if error.errno not in UNWRITABLE:
        raise error
    told = ConfigError.output_unwritable(error)
    _drop(sys.stdout)  # what is still in its buffer would fail again, here and at exit
    terminal.fail(str(told), **told.as_json())
    return told.exit_code


def _drop(*streams: TextIO) -> None:
    """Let what is written to streams go nowhere from here on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        with suppress(OSError, ValueError):  # it is no file, or closed
            os.dup2(nowhere, stream.fileno())


def _parts(word: str) -> tuple[str, ...]:
    """Return what an option's word holds beside its name: --name=value, -nvalue."""
    if not word.startswith("-"):
        return ()
    return word.partition("=")[2], word[2:]


@click.group(
    cls=Main,
    params=global_options(),
    context_settings={"help_option_names": ["--help"]},
    epilog=example("learnplan-db -C . status db:pg://db.example.org/app"),
)
@version_option
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
        if completing(os.environ):
            completed(cli)
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
