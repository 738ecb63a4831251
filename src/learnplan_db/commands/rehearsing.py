"""
What ``deploy --dry-run`` says: what would be deployed, and nothing is.

May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.commands.job import deploy_options
from learnplan_db.errors import ExportError
from learnplan_db.reports import standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.commands.job import Job, Options
    from learnplan_db.commands.options import App
    from learnplan_db.engine.pending import Pending

    Rehearsal = Callable[[Job, str | None], None]


def rehearsing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give deploy --dry-run, and --sql beside it."""
    for decorate in (
        click.option("--sql", "as_sql", is_flag=True, help="With --dry-run: the SQL."),
        click.option(
            "--dry-run", is_flag=True, help="Check, and say what would be deployed."
        ),
    ):
        function = decorate(function)
    return function


def rehearsal(app: App, given: Options) -> Rehearsal | None:
    """
    Return what is done in place of a deploy, if it is to be rehearsed.

    Raises: ExportError: options that do not go together.
    """
    if not given["dry_run"]:
        if given["as_sql"]:
            raise ExportError.needs("--sql", "--dry-run")
        return None
    as_sql = given["as_sql"] or bool(app.verbosity)
    if given["as_sql"] and given["log_only"]:
        raise ExportError.not_with("--sql", "--log-only")
    return partial(_rehearse, given, as_sql and not given["log_only"])


def _rehearse(given: Options, as_sql: bool, job: Job, to: str | None) -> None:  # noqa: FBT001 - bound by its maker
    """Check all that a deploy checks before it runs a script, and say what it found."""
    from learnplan_db.engine import runner  # noqa: PLC0415 - slow import

    options = deploy_options(job, given, to, "deploy")
    patience = given["lock_timeout"]
    found = runner.preview(
        *(job.connection, job.project),
        lock_timeout=patience,
        tell=job.printer,
        **options,
    )
    text = _sql(job, to, options["variables"]) if as_sql and not found.idle else ""
    tags = [f"@{tag.name}" for tag in found.newest.tags] if found.newest else []
    new = [tag for tag in tags if tag not in found.applied[-1].tags]
    if job.app.terminal.as_json:
        changes = [standing.change_json(change) for change in found.changes]
        more = {"sql": text} if as_sql else {}
        job.app.terminal.json(
            would_deploy=changes,
            would_tag=new,
            would_create_registry=found.version is None,
            **more,
        )
    elif text:
        job.app.terminal.document(text)
    else:
        _tell(job, found, new, to)


def _sql(job: Job, to: str | None, variables: dict[str, str]) -> str:
    """Return what would be executed."""
    from learnplan_db.export.offline import plan_sql  # noqa: PLC0415 - slow import

    return plan_sql(job.connection, job.project, to=to, variables=variables)


def _tell(job: Job, found: Pending, tags: list[str], to: str | None) -> None:
    """Say what would be done, change by change; as deploy does if that is nothing."""
    say, name = job.app.terminal.emit, job.target.name
    if found.idle:
        what = f'already at "{to}"' if to else "up-to-date"
        say(f"Nothing to deploy ({what})")
        return
    if found.version is None:
        say(f"Would add registry tables to {name}")
    if tags and found.newest:
        say(f"Would tag {found.newest.name} {' '.join(tags)} in {name}")
    if found.changes:
        say(f"Would deploy changes to {name}")
    for change in found.changes:
        say(f"  + {change.label}")
    say("Checked: plan, registry, requirements, scripts; nothing was executed")
