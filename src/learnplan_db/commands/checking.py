"""
Commands that compare a database with the plan: verify and check.

Sqitch's names, options, output and exit codes. May import lower floors; prints through
the terminal only.
Source: Sqitch 1.3.1; docs/sqitch.md lists what differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnplan_db.commands import texts as report
from learnplan_db.commands.job import (
    client_of,
    connecting,
    opened,
)
from learnplan_db.commands.options import (
    App,
    change_option,
    command,
    json_option,
    set_option,
)
from learnplan_db.errors import (
    NothingDoneError,
    VerifyError,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def _range_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in (
        set_option("-s", "--set", "variables"),
        change_option("--to", "--to-change", "to", help="Last change to look at."),
        change_option("--from", "--from-change", "first", help="First change."),
    ):
        function = decorate(function)
    return function


@command("verify", "learnplan-db verify db:pg://db.example.org/app")
@connecting
@_range_options
@json_option
def verify(
    app: App,
    *,
    first: str | None,
    to: str | None,
    variables: dict[str, str],
    words: tuple[str, ...],
    **given: Any,
) -> None:
    """Check that the database is what the plan says."""
    from learnplan_db.engine import verification  # noqa: PLC0415 - slow import

    with opened(app, given, words) as job:
        first = job.first(first)
        last = job.change(to, f'verifying from "{first}" to')
        found = verification.verify(
            job.connection,
            job.project,
            first=first,
            last=last,
            variables=job.variables("verify", variables),
            client=client_of(given),
            tell=job.printer,
        )
        job.printer.finish()
        planned = bool(job.project.plan.changes)
    if app.terminal.as_json:
        app.terminal.json(**report.verification_json(found))
    if not found.checked:
        nothing = "No changes deployed" if planned else report.NOTHING_TO_VERIFY
        app.terminal.info(nothing)
        return
    if found.pending:
        noun = "change" if len(found.pending) == 1 else "changes"
        app.terminal.emit(f"Undeployed {noun}:")
        for change in found.pending:
            app.terminal.emit(f"  * {change.label}")
    if found.failures:
        app.terminal.emit(report.verification(found))
        names = list(dict.fromkeys(name for name, _ in found.failures))
        raise VerifyError.failed(len(names), names)
    app.terminal.emit("Verify successful")


@command("check", "learnplan-db check db:pg://db.example.org/app")
@connecting
@_range_options
@json_option
def check(
    app: App, *, first: str | None, to: str | None, words: tuple[str, ...], **given: Any
) -> None:
    """Compare the deploy scripts with those that were deployed."""
    from learnplan_db.engine import verification  # noqa: PLC0415 - slow import

    with opened(app, given, words) as job:
        first = job.first(first)
        last = job.change(to, f'checking from "{first}" to')
        found = verification.check(
            job.connection, job.project, first=first, last=last, tell=job.printer
        )
        planned = bool(job.project.plan.changes)
    labels = [one.label for one in found.differing]
    if app.terminal.as_json:
        app.terminal.json(checked=found.checked, differing=labels)
    if not found.checked:
        nothing = "No changes deployed" if planned else report.NOTHING_TO_CHECK
        app.terminal.info(nothing)
    elif labels:
        app.terminal.emit(f"Script signatures diverge at change {labels[0]}")
        if len(labels) > 1:
            more = f"these deploy scripts were edited since: {', '.join(labels)}"
            app.terminal.vent(more)
        raise NothingDoneError("Failed one check")
    else:
        app.terminal.emit("Check successful")
