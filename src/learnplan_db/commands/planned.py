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
    command,
    json_option,
    pass_app,
    target_option,
)
from learnplan_db.errors import NothingDoneError
from learnplan_db.plans.reading import read_plan
from learnplan_db.reports import planned, standing


@command("plan", "learnplan-db plan --oneline", "learnplan-db plan --json")
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
@showing.show_options
@json_option
@pass_app
def plan(
    app: App, /, *, words: tuple[str, ...], target: str | None, **given: Any
) -> None:
    """Show the plan."""
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
