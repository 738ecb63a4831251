"""
Commands that only read a database: log and status.

May import lower floors; prints through the terminal only.
Source: Sqitch 1.3.1, the commands of these names.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.commands import candidates, showing
from learnplan_db.commands.arguments import Wanted
from learnplan_db.commands.options import (
    App,
    command,
    json_option,
    override_options,
    pass_app,
    target_option,
)
from learnplan_db.engine import session, state
from learnplan_db.errors import NothingDoneError, RegistryError, ReportError
from learnplan_db.plans.reading import read_plan
from learnplan_db.reports import history, standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnplan_db.errors import RegistryError
    from learnplan_db.model import Plan, Target
    from learnplan_db.reports.history import Connection
    from learnplan_db.reports.standing import Standing

TRUE = {"true", "yes", "on", "1"}
CONNECTION = ("registry", "client", "dbname", "user", "host", "port")


def _target(
    app: App, option: str | None, words: tuple[str, ...], overrides: Mapping[str, str]
) -> Target:
    """Return the target of an option or of a word; a change's name is passed over."""
    named = app.arguments(words, Wanted(option, overrides))
    if len(named.targets) > 1:
        name = named.target.name
        app.terminal.warn(f"Too many targets specified; connecting to {name}")
    return named.target


@command("log", "learnplan-db log --event fail", "learnplan-db log --oneline -n 10")
@showing.words_argument
@target_option
@click.option(
    "--event",
    "events",
    multiple=True,
    shell_complete=candidates.any_of("deploy", "revert", "fail"),
    help="deploy, revert or fail.",
)
@click.option(
    "--change",
    "--change-pattern",
    "change",
    metavar="REGEX",
    help="Changes whose name matches.",
)
@click.option(
    "--project",
    "--project-pattern",
    "project",
    metavar="REGEX",
    help="Projects whose name matches.",
)
@click.option(
    "--committer",
    "--committer-pattern",
    "committer",
    metavar="REGEX",
    help="Committers whose name matches.",
)
@showing.show_options
@override_options(*CONNECTION)
@json_option
@pass_app
def log(
    app: App,
    /,
    *,
    words: tuple[str, ...],
    target: str | None,
    overrides: Mapping[str, str] | None = None,
    **given: Any,
) -> None:
    """Show all that happened, newest first."""
    formatter = showing.formatter(app, "log", given)
    chosen = _target(app, target, words, overrides or {})
    search = history.Search(
        *(given["events"], given["change"], given["project"], given["committer"]),
        *(given["max_count"], given["skip"], given["reverse"]),
    )
    with session.connect(chosen.conninfo) as connection, session.told(connection):
        if reason := _nothing_logged(connection, chosen):
            if app.terminal.as_json:
                app.terminal.json_list("events", ())
            raise NothingDoneError(reason)
        with closing(history.events(connection, chosen.registry, search)) as found:
            if app.terminal.as_json:
                app.terminal.json_list("events", map(standing.event_json, found))
            else:
                head = [f"On database {chosen.name}"] if given["headers"] else []
                showing.show(app, head, formatter, found)


def _nothing_logged(connection: Connection, target: Target) -> str | None:
    """Return why there is no log, or None."""
    if not history.initialized(connection, target.registry):
        return f"Database {target.name} has not been initialized for Sqitch"
    if not history.any_event(connection, target.registry):
        return f"No events logged for {target.name}"
    return None


@command("status", "learnplan-db status --show-tags", "learnplan-db status --check")
@showing.words_argument
@target_option
@click.option("--project", metavar="NAME", help="Another project of the registry.")
@click.option("--show-tags", is_flag=True, help="List the deployed tags.")
@click.option("--show-changes", is_flag=True, help="List the deployed changes.")
@showing.date_option
@click.option("--check", is_flag=True, help="Exit 1 when changes are pending.")
@override_options(*CONNECTION, "plan_file", "top_dir")
@json_option
@pass_app
@click.pass_context
def status(
    ctx: click.Context,
    app: App,
    /,
    *,
    words: tuple[str, ...],
    target: str | None,
    overrides: Mapping[str, str] | None = None,
    **given: Any,
) -> None:
    """Say what is deployed and what is pending."""
    form = showing.chosen_date_format(app, "status", given["date_format"])
    chosen = _target(app, target, words, overrides or {})
    if not app.terminal.as_json:
        app.terminal.comment(f"On database {chosen.name}")
    exists = (chosen.root / chosen.plan_file).exists()
    source = read_plan(chosen) if exists else None
    with session.connect(chosen.conninfo) as connection, session.told(connection):
        found = _standing(app, connection, chosen, source, given)
        if not app.terminal.as_json:
            for line in standing.comments(found, form):
                app.terminal.comment(line)
            for line in standing.conclusion(found):
                app.terminal.emit(line)
        if found.plan and found.pending() is None:
            raise _disagreement(connection, chosen)
        if app.terminal.as_json:
            app.terminal.json(**_status_json(connection, chosen, found))
    if given["check"] and found.pending():
        ctx.exit(1)


def _disagreement(connection: Connection, target: Target) -> RegistryError:
    """Return the error that says how what is deployed differs from the plan."""
    project = state.load(target)
    registry = project.registry(connection)
    applied = registry.applied(project.plan.project, registry.version() or 0)
    return state.disagreement(project, applied, registry)


def _standing(
    app: App,
    connection: Connection,
    target: Target,
    source: Plan | None,
    given: Mapping[str, Any],
) -> Standing:
    """
    Return where the database stands.

    Raises: NothingDoneError: nothing is deployed; ReportError: of no or any project.
    """
    project = given["project"]
    if not project:
        project = source.project if source else _only_project(connection, target)
    there = history.initialized(connection, target.registry)
    newest = history.newest(connection, target.registry, project) if there else None
    if newest is None:
        others = history.projects(connection, target.registry) if there else []
        _nothing_deployed(app, source, project, others)
        raise NothingDoneError("No changes deployed")
    asked = (connection, target.registry, project)
    return standing.Standing(
        project,
        newest,
        source if source and source.project == project else None,
        history.changes(*asked) if _flag(app, given, "show_changes") else None,
        history.tags(*asked) if _flag(app, given, "show_tags") else None,
    )


def _nothing_deployed(
    app: App, source: Plan | None, project: str, others: list[str]
) -> None:
    """Say what Sqitch does not: whose changes are there instead; or all as JSON."""
    others = [name for name in others if name != project]
    if app.terminal.as_json:
        pending = source.changes if source and source.project == project else ()
        app.terminal.json(**standing.status_json(project, (), pending, others))
    elif others and app.terminal.verbosity:
        app.terminal.vent(f"Other projects here: {', '.join(others)}")


def _flag(app: App, given: Mapping[str, Any], name: str) -> bool:
    configured = showing.setting(app, f"status.{name}") or ""
    return given[name] or str(configured).lower() in TRUE


def _only_project(connection: Connection, target: Target) -> str:
    """
    Return the registry's project where there is no plan to name one.

    Raises: ReportError: there is none, or there are several.
    """
    if not history.initialized(connection, target.registry):
        raise ReportError.not_initialized(target.name)
    names = history.projects(connection, target.registry)
    if not names:
        raise ReportError.no_projects(target.name)
    if len(names) > 1:
        raise ReportError.which_project(names)
    return names[0]


def _status_json(
    connection: Connection, target: Target, found: Standing
) -> dict[str, Any]:
    changes = history.changes(connection, target.registry, found.project)
    names = history.projects(connection, target.registry)
    others = [name for name in names if name != found.project]
    return standing.status_json(found.project, changes, found.pending() or (), others)
