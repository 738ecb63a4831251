"""
The command that compares a live database with its plan: drift.

May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.catalog import drift as comparing
from learnplan_db.catalog import telling
from learnplan_db.commands import events
from learnplan_db.commands.catalog import KEY, schemas_meant
from learnplan_db.commands.job import client_of, connecting, opened
from learnplan_db.commands.options import App, command, json_option, set_option
from learnplan_db.settings import config, targets

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.catalog.drift import Drift
    from learnplan_db.commands.job import Job
    from learnplan_db.engine.progress import Progress


def _comparing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command what it is to compare, and how it tells it."""
    for decorate in (
        json_option,
        click.option("--sql", is_flag=True, help="Print the script that mends it."),
        set_option("-s", "--set", "variables"),
        click.option(
            "--scratch",
            metavar="TARGET",
            help="Server to deploy the plan on, in a database of its own. Else an "
            "embedded one.",
        ),
        click.option(
            "--schema",
            "schemas",
            multiple=True,
            metavar="NAME",
            help=f"Schema to look at; may be repeated. Else {KEY}, else the plan's.",
        ),
    ):
        function = decorate(function)
    return function


@command(
    "drift",
    "learnplan-db drift db:pg://db.example.org/app",
    "learnplan-db drift db:pg://db.example.org/app --sql > repair.sql",
)
@connecting
@_comparing
def drift(
    app: App,
    *,
    words: tuple[str, ...],
    sql: bool,
    scratch: str | None,
    **given: Any,
) -> None:
    """
    Tell how a database differs from the plan that was deployed; exit 1 if it does.

    Deploys the same changes on a scratch server, reads both catalogs, and names for
    each difference the change that owns it and the SQL that mends it. Nothing is
    written to the database.
    """
    if sql and app.terminal.as_json:
        raise click.UsageError("--sql and --json both print to standard output")
    with opened(app, given, words, changes=False) as job:
        server = (
            targets.resolve(app.configuration, scratch).conninfo if scratch else None
        )
        found = comparing.find(
            job.connection,
            job.project,
            schemas=_schemas(app, job, given["schemas"]),
            server=server,
            variables=job.variables("deploy", given["variables"]),
            client=client_of(given),
            tell=_Telling(app),
        )
        _warn(app, job, found)
        where = config.display(job.target.conninfo)
    if app.terminal.as_json:
        app.terminal.json(**telling.as_json(found))
    elif sql:
        app.terminal.document(telling.as_sql(found, where))
    else:
        app.terminal.emit(telling.as_text(found))
    if found.differences:
        sys.exit(1)


def _schemas(app: App, job: Job, given: tuple[str, ...]) -> list[str]:
    """Return the schemas to look at that are named or configured, else none."""
    configured = (app.configuration.get(KEY) or "").split()
    if given:
        return schemas_meant(app, job.connection, job.target, given)
    return configured


class _Telling:
    """Says on a terminal's standard error what takes a moment."""

    def __init__(self, app: App) -> None:
        self.terminal = app.terminal
        self.shown = sys.stderr.isatty() and app.terminal.verbosity > 0

    def __call__(self, step: Progress) -> None:
        """Tell one event."""
        if self.terminal.as_json and self.terminal.verbosity:
            kind, told = events.event(step)
            self.terminal.event(kind, **told)
        elif step.action == "deploying" and self.shown:
            text = f"Deploying {step.count} changes on a scratch server"
            self.terminal.vent(text)
        elif (step.action, step.state) == ("deploy", "ok"):
            self.terminal.debug(f"deployed {step.label}")


def _warn(app: App, job: Job, found: Drift) -> None:
    """Tell what makes the comparison less than it seems."""
    planned = {change.id: change for change in job.project.plan.changes}
    edited = [
        one.name
        for one in found.found.applied
        if one.script_hash != job.project.scripts.script_hash(planned[one.change_id])
    ]
    if edited:
        app.terminal.warn(
            "these deploy scripts were edited since, so that differences may be their"
            f" own: {', '.join(edited)}"
        )
    for change, name in found.left_out.items():
        app.terminal.warn(
            f'nothing is said of what change "{change}" makes: extension "{name}" is '
            "not there"
        )
    for name in found.unknown:
        app.terminal.warn(
            f'the scratch server has not used extension "{name}", so that differences '
            "may be its; name a server that has it with --scratch"
        )
