"""
The command that shows the plan.

It needs no database. May import lower floors; prints through the terminal only.
Source: Sqitch 1.3.1, plan.
"""

from __future__ import annotations

from typing import Any

import click

from learnplan_db.commands import showing
from learnplan_db.commands.arguments import Wanted
from learnplan_db.commands.options import (
    App,
    change_option,
    command,
    json_option,
    pass_app,
    set_option,
    target_option,
)
from learnplan_db.errors import ExportError, NothingDoneError
from learnplan_db.plans.reading import read_plan
from learnplan_db.reports import planned, standing


@command(
    "plan",
    "learnplan-db plan --oneline",
    "learnplan-db plan --json",
    "learnplan-db plan --sql --from @v1.0.0 --to @v1.1.0",
)
@showing.words_argument
@target_option
@click.option(
    "--event",
    type=click.Choice(["deploy", "revert"], case_sensitive=False),
    help="Only such changes.",
)
@click.option(
    "--change",
    "--change-pattern",
    "change",
    metavar="REGEX",
    help="Changes whose name matches.",
)
@click.option(
    "--planner",
    "--planner-pattern",
    "planner",
    metavar="REGEX",
    help="Planners whose name matches.",
)
@click.option("--sql", "as_sql", is_flag=True, help="What a deploy would execute.")
@change_option("--from", "since", metavar="CHANGE", help="With --sql: is deployed.")
@change_option("--to", metavar="CHANGE", help="With --sql: last change to deploy.")
@set_option("-s", "--set", "variables")
@showing.show_options
@json_option
@pass_app
def plan(
    app: App, /, *, words: tuple[str, ...], target: str | None, **given: Any
) -> None:
    """Show the plan, or the SQL that deploying it executes."""
    if given["as_sql"]:
        _show_sql(app, words, target, given)
        return
    for option, name in (("--from", "since"), ("--to", "to"), ("--set", "variables")):
        if given[name]:
            raise ExportError.needs(option, "--sql")
    formatter = showing.formatter(app, "plan", given)
    wanted = Wanted(target)
    chosen = app.arguments(words, wanted, offline=True).target
    source = read_plan(chosen)
    search = planned.Search(
        *(given["event"] or "", given["change"], given["planner"]),
        *(given["max_count"], given["skip"], given["reverse"]),
    )
    found = list(planned.search(source, search))
    if app.terminal.as_json:
        ids = [item.change_id for item in found]
        changes = {change.id: change for change in source.changes}
        shown = [standing.change_json(changes[one]) for one in ids]
        app.terminal.json(project=source.project, changes=shown)
    if not source.changes:
        raise NothingDoneError(f"No changes in {source.source}")
    if not app.terminal.as_json:
        head = [f"# Project: {source.project}", f"# File:    {source.source}", ""]
        showing.show(app, head if given["headers"] else [], formatter, found)


def _show_sql(
    app: App, words: tuple[str, ...], target: str | None, given: dict[str, Any]
) -> None:
    """Print what a deploy would execute, from nothing or from what --from names."""
    from learnplan_db.engine import state  # noqa: PLC0415 - slow imports
    from learnplan_db.export.offline import plan_sql  # noqa: PLC0415 - as above
    from learnplan_db.settings import targets  # noqa: PLC0415 - as above
    from learnplan_db.settings.identity import committer  # noqa: PLC0415 - as above

    chosen = app.arguments(words, Wanted(target), offline=True).target
    project = state.load(chosen, committer=committer(app.configuration))
    text = plan_sql(
        None,
        project,
        to=given["to"],
        since=given["since"],
        variables=targets.script_variables(
            app.configuration, chosen, "deploy", given["variables"]
        ),
    )
    if app.terminal.as_json:
        app.terminal.json(project=project.plan.project, sql=text)
    else:
        app.terminal.document(text)
