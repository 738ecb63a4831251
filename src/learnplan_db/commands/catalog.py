"""
Commands that look at what a database really holds: fingerprint.

May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import psycopg

from learnplan_db.catalog import fingerprint as prints
from learnplan_db.catalog import reading
from learnplan_db.commands import showing
from learnplan_db.commands.arguments import Wanted
from learnplan_db.commands.options import (
    App,
    command,
    json_option,
    override_options,
    pass_app,
    target_option,
)
from learnplan_db.engine import locks, session
from learnplan_db.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from learnplan_db.catalog.objects import Catalog
    from learnplan_db.model import Target

KEY = "learnplan.schemas"
CONNECTION = ("registry", "dbname", "user", "host", "port")


def looking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command a target, the options that override it, and --schema."""
    for decorate in (
        json_option,
        override_options(*CONNECTION),
        click.option(
            "--schema",
            "schemas",
            multiple=True,
            metavar="NAME",
            help=f"Schema to look at; may be repeated. Else {KEY}, else all.",
        ),
        target_option,
        showing.words_argument,
        pass_app,
    ):
        function = decorate(function)
    return function


def one_target(
    app: App, option: str | None, words: tuple[str, ...], overrides: Mapping[str, str]
) -> Target:
    """Return the target that an option or a word names."""
    named = app.arguments(words, Wanted(option, overrides, changes=False))
    if len(named.targets) > 1:
        name = named.target.name
        app.terminal.warn(f"Too many targets specified; connecting to {name}")
    return named.target


def schemas_meant(
    app: App, connection: session.Connection, target: Target, given: Sequence[str]
) -> list[str]:
    """
    Return the schemas to look at: named, or configured, or all that are anybody's.

    Raises: CatalogError: a named one is not there, or none that is configured.
    """
    there = reading.schemas(connection, target.registry)
    configured = (app.configuration.get(KEY) or "").split()
    if given:
        missing = [name for name in given if name not in there]
        if missing:
            raise CatalogError.no_schema(missing, there, target.name, "--schema")
    elif configured and not set(configured) & set(there):
        origin = f"{KEY} of {app.configuration.origin(KEY)}"
        raise CatalogError.no_schema(configured, there, target.name, origin)
    elif not there:
        raise CatalogError.nothing_there(target.name)
    return list(dict.fromkeys(given)) or configured or there


def catalog_of(
    connection: session.Connection, target: Target, names: Sequence[str]
) -> Catalog:
    """
    Return what schemas hold.

    Raises: CatalogError: a lock is in the way for longer than a moment.
    """
    try:
        return reading.read(connection, names)
    except psycopg.errors.LockNotAvailable as error:
        holders = locks.blockers(connection)
        raise CatalogError.locked(target.name, holders) from error


@command(
    "fingerprint",
    "learnplan-db fingerprint db:pg://db.example.org/app",
    "learnplan-db fingerprint --objects > before.txt",
)
@looking
@click.option("--objects", is_flag=True, help="A line an object, for diff.")
def fingerprint(
    app: App,
    /,
    *,
    words: tuple[str, ...],
    target: str | None,
    overrides: Mapping[str, str] | None = None,
    **given: Any,
) -> None:
    """
    Print a hash of all that the plan made: equal where nothing differs.

    Tables, columns, defaults, constraints, indexes, functions with their bodies,
    triggers, policies, grants, owners, comments, enums and views, the same on
    PostgreSQL 15 to 18, after dump and restore, and whoever deployed.
    """
    chosen = one_target(app, target, words, overrides or {})
    with session.connect(chosen.conninfo) as connection:
        names = schemas_meant(app, connection, chosen, given["schemas"])
        found = catalog_of(connection, chosen, names)
    if app.terminal.as_json:
        told: dict[str, Any] = {"fingerprint": prints.fingerprint(found)}
        if given["objects"]:
            told["objects"] = [
                {
                    "kind": key.kind,
                    "name": key.name,
                    "fingerprint": each,
                    "facts": facts,
                }
                for key, facts in sorted(found.items(), key=lambda one: one[0])
                for each in [prints.object_fingerprint(facts)]
            ]
        app.terminal.json(**told, schemas=names)
    elif given["objects"]:
        app.terminal.document("\n".join(prints.lines(found)))
    else:
        app.terminal.document(prints.fingerprint(found))
