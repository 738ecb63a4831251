"""
Commands that make a project and keep its engines and targets: init, engine, target.

May import lower floors; prints through the terminal only.
Source: manuals sqitch-init, sqitch-engine and sqitch-target; Sqitch 1.3.1, tried out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.commands import candidates
from learnplan_db.commands.options import App, command, json_option, pass_app
from learnplan_db.errors import SettingsError, without_password
from learnplan_db.settings import endpoints, initial, listing, targets
from learnplan_db.settings.editing import Properties, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from learnplan_db.model import Target

    Action = Callable[[App, tuple[str, ...], Properties], None]

ACTIONS = ("list", "show", "add", "alter", "remove")
PLAIN = {
    "plan_file": (("-f", "--plan-file"), "Plan of the project."),
    "registry": (("--registry",), "Schema of the registry."),
    "client": (("--client",), "Path of psql."),
    "extension": (("--extension",), "Ending of the scripts' names."),
    "top_dir": (("--top-dir",), "Directory of plan and scripts."),
}
EXTRA = {
    "target": (("--target",), "Target to deploy to."),
    "engine": (("--engine",), "Engine of the database."),
    "uri": (("--uri",), "URI of the database."),
}


def _pairs(
    _: click.Context, option: click.Parameter, words: Sequence[str]
) -> dict[str, str]:
    """Return the NAME=VALUE words as a dictionary; a lone name has an empty value."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise click.BadParameter(f"{word!r} is not NAME=VALUE", param=option)
        found[name] = value
    return found


def _properties(*extra: str) -> Callable[..., Any]:
    """Give a command the options of a target, passed together as ``props``."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        table = {name: EXTRA[name] for name in extra} | PLAIN
        for name, (flags, help_) in reversed(table.items()):
            function = click.option(*flags, name, help=help_)(function)
        for flags, name, help_ in (
            (("-d", "--dir"), "directories", "Directory of scripts; repeatable."),
            (("-s", "--set"), "variables", "Variable of psql; repeatable."),
        ):
            function = click.option(
                *(*flags, name),
                multiple=True,
                metavar="NAME=VALUE",
                callback=_pairs,
                help=help_,
            )(function)
        return function

    return decorate


def _workshop(app: App, name: str) -> Workshop:
    """
    Return the project that a command is to change.

    Raises: SettingsError: it would be the packaged one.
    """
    if app.packaged:
        raise SettingsError.needs_directory(name)
    configuration = app.configuration  # it may say how much to print
    return Workshop(configuration, app.terminal.info)


@command("init", "learnplan-db -C . init flipr --engine pg")
@click.argument("project")
@click.option("--uri", "project_uri", metavar="URI", help="URI of the project.")
@_properties("engine", "target")
@json_option
@pass_app
def init(
    app: App,
    /,
    *,
    project: str,
    project_uri: str | None,
    directories: dict[str, str],
    variables: dict[str, str],
    **options: str | None,
) -> None:
    """Make a directory a project: configuration, plan and directories."""
    shop, said = _workshop(app, "init"), list[str]()

    def tell(text: str) -> None:
        said.append(text)
        app.terminal.info(text)

    shop = replace(shop, tell=tell)
    props = Properties.of(options, directories, variables)
    initial.initialize(shop, project, project_uri, props)
    if app.terminal.as_json:
        app.terminal.json(project=project, directory=str(shop.root), messages=said)


@command("target", "learnplan-db -C . target add prod db:pg://db.example.org/app")
@click.argument(
    "action", default="list", shell_complete=candidates.any_of(*ACTIONS, "rename")
)
@click.argument(
    "words", nargs=-1, metavar="[NAME [URI]]", shell_complete=candidates.targets
)
@_properties("uri")
@json_option
@pass_app
def target(
    app: App,
    /,
    *,
    action: str,
    words: tuple[str, ...],
    directories: dict[str, str],
    variables: dict[str, str],
    **options: str | None,
) -> None:
    """List, show, add, alter, rename or remove targets."""
    props = Properties.of(options, directories, variables)
    _act(_TARGET, "target", action, app, words, props)


@command("engine", "learnplan-db -C . engine add pg prod")
@click.argument("action", default="list", shell_complete=candidates.any_of(*ACTIONS))
@click.argument(
    "words", nargs=-1, metavar="[ENGINE [TARGET]]", shell_complete=candidates.targets
)
@_properties("target")
@json_option
@pass_app
def engine(
    app: App,
    /,
    *,
    action: str,
    words: tuple[str, ...],
    directories: dict[str, str],
    variables: dict[str, str],
    **options: str | None,
) -> None:
    """List, show, add, alter or remove engines."""
    props = Properties.of(options, directories, variables)
    _act(_ENGINE, "engine", action, app, words, props)


def _act(
    actions: Mapping[str, tuple[int, Action]],
    kind: str,
    action: str,
    *rest: Any,
) -> None:
    """Run an action of a table, if it has its words."""
    app, words, props = rest
    if action not in actions:
        known = ", ".join(actions)
        raise SettingsError.usage(f'unknown action "{action}"', f"use one of {known}")
    count, function = actions[action]
    if len(words) < count or not all(words[:count]):
        wanted = "a name and a URI" if count > 1 else "a name"
        raise SettingsError.usage(
            f"{kind} {action} needs more words", f"name {wanted}: {kind} --help"
        )
    function(app, words, props)


def _edit(
    function: Callable[[Workshop, Sequence[str], Properties], None],
) -> Action:
    """Return the action that edits the project, once it is known to be no package."""

    def edit(app: App, words: tuple[str, ...], props: Properties) -> None:
        kind, _, action = function.__name__.partition("_")
        shop = _workshop(app, f"{kind} {action}")
        function(shop, words, props)
        if app.terminal.as_json:
            app.terminal.json(**{kind: words[0]}, action=action, file=shop.shown)

    return edit


def _list(app: App, kind: str, found: dict[str, str | None], pattern: str = "") -> None:
    if app.terminal.as_json:
        shown = {k: listing.without_password(v or "") for k, v in found.items()}
        app.terminal.json(**{f"{kind}s": shown})
        return
    for name in sorted(found, key=lambda name: f"{name}.{pattern}"):
        # Sqitch shows more only when asked to, and its normal verbosity is 1 too.
        more = (
            f"\t{listing.without_password(found[name] or '')}" if app.verbosity else ""
        )
        app.terminal.emit(f"{name}{more}")


def _show(
    app: App, kind: str, first: str, found: dict[str, tuple[str, Target]]
) -> None:
    if app.terminal.as_json:
        shown = {name: listing.data(first, *rest) for name, rest in found.items()}
        app.terminal.json(**{f"{kind}s": shown})
        return
    for name, (text, one) in found.items():
        app.terminal.emit("\n".join(listing.lines(name, first, text, one)))


def _target_list(app: App, *_: Any) -> None:
    names = app.configuration.names("target", "uri")
    get = app.configuration.get
    _list(app, "target", {name: get(f"target.{name}.uri") for name in names}, "uri")


def _target_show(app: App, words: tuple[str, ...], props: Properties) -> None:
    if not words:
        return _target_list(app, words, props)
    found = {}
    for word in words:
        chosen = targets.choose(app.configuration, word)
        shown = targets.target_of(app.configuration, chosen)
        found[without_password(word)] = (str(chosen.uri.without_password()), shown)
    return _show(app, "target", "URI", found)


def _engine_list(app: App, *_: Any) -> None:
    get = app.configuration.get
    found = {key: get(f"engine.{key}.target") for key in targets.ENGINES}
    known = {key: value for key, value in found.items() if value is not None}
    _list(app, "engine", dict(known), "target")


def _engine_show(app: App, words: tuple[str, ...], props: Properties) -> None:
    if not words:
        return _engine_list(app, words, props)
    found = {}
    for word in words:
        name = app.configuration.get(f"engine.{word}.target") or f"db:{word}"
        chosen = targets.choose(app.configuration, name)
        shown = targets.target_of(app.configuration, chosen)
        found[without_password(word)] = (chosen.name, shown)
    return _show(app, "engine", "Target", found)


_TARGET = {
    "list": (0, _target_list),
    "show": (0, _target_show),
    "add": (2, _edit(endpoints.target_add)),
    "alter": (1, _edit(endpoints.target_alter)),
    "rename": (2, _edit(endpoints.target_rename)),
    "remove": (1, _edit(endpoints.target_remove)),
    "rm": (1, _edit(endpoints.target_remove)),
}
_ENGINE = {
    "list": (0, _engine_list),
    "show": (0, _engine_show),
    "add": (1, _edit(endpoints.engine_add)),
    "alter": (1, _edit(endpoints.engine_alter)),
    "remove": (1, _edit(endpoints.engine_remove)),
    "rm": (1, _edit(endpoints.engine_remove)),
}
