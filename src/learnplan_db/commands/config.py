"""
The command config: reads and writes single settings, as git config does.

May import lower floors; prints through the terminal only.
Source: manual sqitch-config; Sqitch 1.3.1, tried out.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.commands import candidates
from learnplan_db.commands.options import App, command, json_option, pass_app
from learnplan_db.errors import ConfigError, NotSetError, SettingsError
from learnplan_db.settings import editing as settings
from learnplan_db.settings.configuration import Configuration, cast
from learnplan_db.settings.gitedit import Edit, matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.settings.configuration import Setting

SCOPES = {
    "local": ("--local",),
    "user": ("--user", "--global"),
    "system": ("--system",),
}
TYPES = {
    "bool": "true or false",
    "int": "a whole number",
    "num": "a number",
    "bool-or-int": "one of these",
}
ACTIONS = {
    "get": (("--get",), "Print the value of a key."),
    "get-all": (("--get-all",), "Print all values of a key."),
    "get-regex": (("--get-regex", "--get-regexp"), "Print keys that match."),
    "add": (("--add",), "Add one more value."),
    "replace-all": (("--replace-all",), "Put one value in place of all."),
    "unset": (("--unset",), "Remove a key."),
    "unset-all": (("--unset-all",), "Remove all values of a key."),
    "rename-section": (("--rename-section",), "Rename a section."),
    "remove-section": (("--remove-section",), "Remove a section."),
    "list": (("-l", "--list"), "Print all settings."),
    "edit": (("-e", "--edit"), "Open the file in an editor."),
}


@dataclass(frozen=True, slots=True)
class Request:
    """One invocation: the words, the type of values, and the file that is meant."""

    app: App
    words: tuple[str, ...]
    kind: str | None
    scope: str | None
    file: str | None

    def word(self, index: int) -> str | None:
        """Return a word, if it was given."""
        return self.words[index] if index < len(self.words) else None

    def needed(self, count: int) -> tuple[str, ...]:
        """
        Return the first words.

        Raises: SettingsError: there are fewer, or one is empty.
        """
        words = self.words[:count]
        if len(words) < count or not words[0]:
            raise SettingsError.usage(
                "wrong number of arguments", "see learnplan-db config --help"
            )
        return words

    def path(self) -> Path:
        """
        Return the file to write.

        Raises: SettingsError: it would be the packaged project's.
        """
        if self.file:
            return (Path.cwd() if self.app.packaged else self.app.root) / self.file
        scope = self.scope or "local"
        if scope == "local" and self.app.packaged:
            raise SettingsError.needs_directory("config")
        return self.app.configuration.file(scope)

    def shown(self) -> str:
        """Return the file's name as messages show it."""
        path = self.path()
        root = self.app.root.absolute()
        return self.file or str(
            path.relative_to(root) if path.is_relative_to(root) else path
        )

    def show(self, text: str | None, **data: Any) -> None:
        """Print what was asked for, if it is anything; machines get the data."""
        if self.app.terminal.as_json:
            self.app.terminal.json(**data)
        elif text is not None:
            self.app.terminal.emit(text)

    def typed(self, value: str | None, where: str) -> str | None:
        """Return a value as its type is written."""
        return cast(value, self.kind, where) if self.kind else value


def _chosen(found: dict[str, Any], names: dict[str, Any], what: str) -> str | None:
    """Return which of some switches was given; at most one may be."""
    given = [name for name in names if found.get(name.replace("-", "_"))]
    if len(given) > 1:
        raise SettingsError.usage(f"only one {what} at a time", "leave the others out")
    return given[0] if given else None


def _switches(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command the switches of the tables above."""
    tables = [
        *((*flags, help_) for flags, help_ in reversed(ACTIONS.values())),
        *((f"--{kind}", f"Take values as {text}.") for kind, text in TYPES.items()),
        *((*flags, f"Use the {name} file.") for name, flags in SCOPES.items()),
    ]
    names = [*reversed(ACTIONS), *TYPES, *SCOPES]
    for name, (*flags, help_) in zip(names, tables, strict=True):
        option = click.option(*flags, name.replace("-", "_"), is_flag=True, help=help_)
        function = option(function)
    return function


@command("config", "learnplan-db -C . config --user user.name 'Ann Other'")
@_switches
@click.option("-f", "--file", "--config-file", "file", help="Use this file.")
@click.argument(
    "words",
    nargs=-1,
    metavar="[KEY [VALUE [PATTERN]]]",
    shell_complete=candidates.keys,
)
@json_option
@pass_app
def config(
    app: App, /, *, file: str | None, words: tuple[str, ...], **switches: bool
) -> None:
    """Get and set settings of the project, the user or the system."""
    files = switches | {"file": bool(file)}
    scope = _chosen(files, SCOPES | {"file": ()}, "config file")
    kind = _chosen(switches, TYPES, "type")
    action = _chosen(switches, ACTIONS, "action")
    action = action or ("set" if len(words) > 1 else "get")
    request = Request(app, words, kind, None if scope == "file" else scope, file)
    _ACTIONS[action](request)
    if app.terminal.as_json and not app.terminal.answered:  # something was written
        app.terminal.json(action=action, file=request.shown())


def _get(request: Request) -> None:
    (key,) = request.needed(1)
    configuration = request.app.configuration
    found = [
        value for value in configuration.get_all(key) if matches(value, request.word(1))
    ]
    where = configuration.origin(key)
    if len(found) > 1:
        raise ConfigError.multiple(key, where)
    value = request.typed(found[0], where) if found else None
    if value is None:
        request.show(None, key=key, value=None)
        raise NotSetError.key()
    request.show(value, key=key, value=value)


def _get_all(request: Request) -> None:
    (key,) = request.needed(1)
    configuration = request.app.configuration
    where = configuration.origin(key)
    found = [
        request.typed(value, where) or ""
        for value in configuration.get_all(key)
        if matches(value, request.word(1))
    ]
    if not found:
        request.show(None, key=key, values=[])
        raise NotSetError.key()
    request.show("\n".join(found), key=key, values=found)


def _get_regex(request: Request) -> None:
    (pattern,) = request.needed(1)
    try:
        wanted = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ConfigError.bad_pattern(pattern, error) from error
    lines, shown = [], {}
    for key, one in sorted(request.app.configuration.settings.items()):
        values = [value for value in one.values if matches(value, request.word(1))]
        if not wanted.search(key) or not values:
            continue
        typed = [request.typed(value, one.origin) for value in values]
        shown[key] = typed
        text = ", ".join(value or "" for value in typed)
        if one.multiple:
            text = f"[{text}]"
        bare = typed[0] is None and not one.multiple
        lines.append(key if bare else f"{key}={text}")
    if not lines:
        request.show(None, settings={})
        raise NotSetError.key()
    request.show("\n".join(lines), settings=shown)


def _write(request: Request, edit: Edit) -> None:
    settings.change(request.path(), [edit], request.shown())


def _set(request: Request) -> None:
    key, value = request.needed(2)
    text = request.typed(value, "command line")
    _write(request, Edit(key, text, request.word(2)))


def _add(request: Request) -> None:
    key, value = request.needed(2)
    _write(request, Edit(key, request.typed(value, "command line"), several=True))


def _replace_all(request: Request) -> None:
    key, value = request.needed(2)
    text = request.typed(value, "command line")
    pattern = request.word(2)
    _write(request, Edit(key, text, pattern, several=True, replace_all=True))


def _unset(request: Request) -> None:
    (key,) = request.needed(1)
    _write(request, Edit(key, None, request.word(1)))


def _unset_all(request: Request) -> None:
    (key,) = request.needed(1)
    _write(request, Edit(key, None, request.word(1), several=True))


def _rename(request: Request, old: str, new: str | None) -> None:
    shown = request.shown()
    missing = ConfigError.no_such_section(old, shown)
    settings.rename(request.path(), {old: new}, shown, missing)


def _rename_section(request: Request) -> None:
    old, new = request.needed(2)
    _rename(request, old, new)


def _remove_section(request: Request) -> None:
    (old,) = request.needed(1)
    _rename(request, old, None)


def _list(request: Request) -> None:
    configuration = request.app.configuration
    if request.scope:
        path = configuration.file(request.scope)
        if not path.exists():
            request.show(None, settings={})
            return
        configuration = Configuration.of_file(path, configuration.environ)
    found = dict(sorted(configuration.settings.items()))
    listed = {key: list(one.values) for key, one in found.items()}
    lines = [f"{_line(key, one)}\n" for key, one in found.items()]
    request.show("".join(lines), settings=listed)


def _line(key: str, one: Setting) -> str:
    return key if one.text is None else f"{key}={one.text}"


def _edit(request: Request) -> None:
    environ = request.app.configuration.environ
    editor = (
        environ.get("SQITCH_EDITOR")
        or request.app.configuration.get("core.editor")
        or environ.get("VISUAL")
        or environ.get("EDITOR")
        or "vi"
    )
    path = request.path()
    # The editor's name may come with options: the shell splits them, as in Sqitch.
    words = ["sh", "-c", f'{editor} "$1"', "sh", str(path)]
    status = os.spawnvpe(os.P_WAIT, "sh", words, dict(environ))  # noqa: S606
    if status:
        raise SettingsError.editor_failed(editor, status)


_ACTIONS = {
    "get": _get,
    "get-all": _get_all,
    "get-regex": _get_regex,
    "set": _set,
    "add": _add,
    "replace-all": _replace_all,
    "unset": _unset,
    "unset-all": _unset_all,
    "rename-section": _rename_section,
    "remove-section": _remove_section,
    "list": _list,
    "edit": _edit,
}
