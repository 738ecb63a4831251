"""
What every command has in common: global options, and what they lead to.

May import lower floors; prints through the terminal only.
Source: Sqitch 1.3.1: global options stand before or after the command.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.commands import arguments, candidates
from learnplan_db.commands.arguments import Wanted
from learnplan_db.errors import ConfigError
from learnplan_db.settings import config, targets
from learnplan_db.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from learnplan_db.commands.arguments import Arguments
    from learnplan_db.model import Target
    from learnplan_db.settings.config import Configuration


@dataclass(slots=True)
class App:
    """
    What one invocation works with; click hands it to the commands (``obj``).

    ``verbosity`` is what the command line asks for, None if it does not.
    """

    terminal: Terminal = field(default_factory=Terminal)
    directory: Path | None = None
    verbosity: int | None = None
    _configuration: Configuration | None = field(default=None, repr=False)

    @property
    def packaged(self) -> bool:
        """Whether no directory was named, so that the packaged plan is meant."""
        return self.directory is None

    @property
    def root(self) -> Path:
        """Return the directory of the project."""
        return config.project_root(self.directory)

    @property
    def configuration(self) -> Configuration:
        """Return what system, user and project say, read once."""
        if self._configuration is None:
            self._configuration = config.Configuration.load(
                self.root, packaged=self.packaged
            )
            if self.verbosity is None:
                try:
                    found = self._configuration.integer("core.verbosity", 1)
                    self.terminal.verbosity = found
                    self.terminal.verbose = found > 1
                except ConfigError as error:  # else config could not mend it
                    self.terminal.warn(str(error))
        return self._configuration

    def target(
        self, name: str | None = None, overrides: Mapping[str, str] | None = None
    ) -> Target:
        """
        Return the target meant: as named, as configured, or by default.

        The packaged plan's default is SQITCH_TARGET, DATABASE_URL, then the embedded
        server; any other project's is its configuration's.
        Raises: ConfigError: there is no such target.
        """
        chosen = name or (self._packaged_default() if self.packaged else None)
        return targets.resolve(self.configuration, chosen, overrides)

    def arguments(
        self,
        words: Sequence[str],
        wanted: Wanted | None = None,
        *,
        offline: bool = False,
    ) -> Arguments:
        """
        Return the targets and changes that the words of a command line name.

        Args: wanted: what --target, --all and the overriding options say, and whether
            the command takes changes; offline: no database is needed, so that none is
            looked for or started.
        Raises: ConfigError: a word is none of these. PlanError: a plan is malformed.
        """
        asked = replace(wanted or Wanted(), offline=offline)
        if self.packaged:
            default = _any_database if offline else self._packaged_default
            asked = replace(asked, fallback=default)
        return arguments.read(self.configuration, words, asked)

    def _packaged_default(self) -> str:
        named = self.configuration.environ.get("SQITCH_TARGET")
        return named or config.default_target() or self.embedded()

    def embedded(self) -> str:
        """Start the embedded server, say so, and return its conninfo."""
        from learnplan_db.server import demo  # noqa: PLC0415 - slow import
        from learnplan_db.server.embedded import Server, state_root  # noqa: PLC0415 - as above

        server = Server(state_root(os.environ), environ=os.environ).start()
        self.terminal.vent(f"no target: using the embedded server at {server.socket}")
        return demo.database(server)


def _any_database() -> str:
    return "db:pg:"


pass_app = click.make_pass_decorator(App, ensure=True)


def _app(ctx: click.Context) -> App:
    return ctx.ensure_object(App)


def _directory(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        _app(ctx).directory = value


def _quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if value:
        _app(ctx).verbosity = _app(ctx).terminal.verbosity = 0


def _verbose(ctx: click.Context, _: click.Parameter, value: int) -> None:
    if value:
        app = _app(ctx)
        app.verbosity = app.terminal.verbosity = value
        app.terminal.verbose = True


def _no_pager(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if value:
        _app(ctx).terminal.paging = False


def global_options() -> list[click.Parameter]:
    """Return the options that stand before or after any command."""
    return [
        click.Option(
            ["-C", "--cd", "--chdir"],
            type=click.Path(path_type=Path, readable=False),
            metavar="DIR",
            expose_value=False,
            callback=_directory,
            help="Directory of the project; without it, the packaged plan.",
        ),
        click.Option(
            ["--quiet"],
            is_flag=True,
            expose_value=False,
            callback=_quiet,
            help="Print no progress.",
        ),
        click.Option(
            ["--no-pager"],
            is_flag=True,
            expose_value=False,
            callback=_no_pager,
            help="Never start a pager.",
        ),
        click.Option(
            ["-v", "-V", "--verbose"],
            count=True,
            expose_value=False,
            callback=_verbose,
            help="Print more; repeat for details.",
        ),
    ]


class Command(click.Command):
    """A command that takes the global options too, and the start of a long option."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Complete long options that are abbreviated, as Sqitch's parser does."""
        known = {
            name
            for option in self.get_params(ctx)
            for name in (*option.opts, *option.secondary_opts)
            if name.startswith("--")
        }
        end = args.index("--") if "--" in args else len(args)
        args[:end] = [_completed(word, known) for word in args[:end]]
        return super().parse_args(ctx, args)


def _completed(word: str, known: set[str]) -> str:
    """Return a word with its long option complete, if just one starts so."""
    name, equals, value = word.partition("=")
    if not name.startswith("--") or name in known:
        return word
    meant = [option for option in known if option.startswith(name)]
    return meant[0] + equals + value if len(meant) == 1 else word


def example(*lines: str) -> str:
    """Return the epilog that shows a command in use."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def command(name: str, *examples: str) -> Callable[..., click.Command]:
    """Return click's decorator for a command with the global options and examples."""
    return click.command(name, cls=Command, epilog=example(*examples))


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --json: ``terminal.as_json`` says whether it was given."""

    def chosen(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
        terminal = _app(ctx).terminal
        terminal.as_json |= value
        terminal.reserved |= value

    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=chosen,
        help="Print JSON for machines.",
    )(function)


def target_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --target, passed as ``target``."""
    return click.option(
        "-t",
        "--target",
        metavar="TARGET",
        shell_complete=candidates.targets,
        help="Database to work on.",
    )(function)


def set_option(short: str, long: str, name: str) -> Callable[..., Any]:
    """Give a command psql variables, NAME=VALUE, passed as a dictionary."""

    def keep(_: click.Context, option: click.Parameter, value: Any) -> dict[str, str]:
        given = {}
        for text in value:
            key, equals, word = str(text).partition("=")
            if not equals or not key:
                raise click.BadParameter(f'"{text}" is not NAME=VALUE', param=option)
            given[key] = word
        return given

    return click.option(
        short,
        long,
        name,
        multiple=True,
        metavar="NAME=VALUE",
        callback=keep,
        help="Set a psql variable.",
    )


CONNECTION = {
    "registry": ("--registry",),
    "client": ("--db-client", "--client"),
    "dbname": ("-d", "--db-name"),
    "user": ("-u", "--db-user", "--db-username"),
    "host": ("-h", "--db-host"),
    "port": ("-p", "--db-port"),
    "plan_file": ("-f", "--plan-file"),
    "top_dir": ("--top-dir",),
}
_HELP = {
    "registry": "Schema of the registry.",
    "client": "Path of psql.",
    "dbname": "Name of the database.",
    "user": "User to connect as.",
    "host": "Host to connect to.",
    "port": "Port to connect to.",
    "plan_file": "Plan to read.",
    "top_dir": "Directory of the scripts.",
}

_FILES = {"client", "plan_file", "top_dir"}


def change_option(*names: str, **more: Any) -> Callable[..., Any]:
    """Give a command an option that names a change or a tag."""
    return click.option(*names, shell_complete=candidates.changes, **more)


def override_options(*names: str) -> Callable[..., Any]:
    """Give a command options that override its target, passed as ``overrides``."""

    def keep(ctx: click.Context, option: click.Parameter, value: Any) -> None:
        given = ctx.params.setdefault("overrides", {})
        if value is not None:
            given[option.name] = str(value)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            function = click.option(
                *CONNECTION[name],
                name,
                type=int if name == "port" else str,
                expose_value=False,
                callback=keep,
                shell_complete=candidates.files if name in _FILES else None,
                help=_HELP[name],
            )(function)
        return function

    return decorate
