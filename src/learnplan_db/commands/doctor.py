"""
The command that says whether a database is fit, and what mends it: doctor.

May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from learnplan_db.commands.arguments import Wanted
from learnplan_db.commands.options import (
    App,
    command,
    json_option,
    override_options,
    pass_app,
    target_option,
)
from learnplan_db.commands.showing import words_argument
from learnplan_db.engine import session, state
from learnplan_db.errors import ConnectError
from learnplan_db.health.examination import Report, examine, unreachable
from learnplan_db.health.nouns import FAIL, OK, SKIP, WARN
from learnplan_db.health.patient import Patient
from learnplan_db.security.variables import Variables
from learnplan_db.settings import config, targets

if TYPE_CHECKING:
    from learnplan_db.health.nouns import Check
    from learnplan_db.model import Target

COLORS = {OK: "green", WARN: "yellow", FAIL: "red", SKIP: "cyan"}
SECONDS = "5"  # to reach the server, unless the conninfo says otherwise


@command(
    "doctor",
    "learnplan-db doctor db:pg://db.example.org/app",
    "learnplan-db doctor --json db:pg://db.example.org/app",
)
@json_option
@click.option(
    "--app",
    "login",
    metavar="TARGET",
    help="The same database as the application's login.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Name a role, as render does.",
)
@override_options("registry", "dbname", "user", "host", "port")
@target_option
@words_argument
@pass_app
def doctor(
    app: App,
    /,
    *,
    words: tuple[str, ...],
    settings: tuple[str, ...],
    login: str | None,
    **given: Any,
) -> None:
    """
    Say what is wrong with a database, its logins and settings, and what mends it.

    Only reads, waits for nobody, and works for any login, on a standby and through a
    pooler; what cannot be looked at is skipped. Exit 1 if a check fails, 2 if there is
    no connection.
    """
    roles = Variables.from_settings(settings)
    wanted = Wanted(given["target"], given.get("overrides", {}), changes=False)
    target = app.arguments(words, wanted).target
    project = state.load(target)
    serving = targets.resolve(app.configuration, login).conninfo if login else None
    try:
        connection = session.connect(_patient(target.conninfo))
    except ConnectError as error:
        _tell(app, target, unreachable(error))
        sys.exit(2)
    with connection:
        found = examine(
            Patient(
                connection,
                project,
                roles,
                _called(app),
                config.display(target.conninfo),
                serving and _patient(serving),
            )
        )
    _tell(app, target, found)
    if found.counted(FAIL):
        sys.exit(1)


def _patient(conninfo: str) -> str:
    """Return conninfo that gives up soon on a server that does not answer."""
    known = conninfo_to_dict(config.usable(conninfo))
    if "connect_timeout" in known or "service" in known:
        return conninfo
    return make_conninfo(conninfo, connect_timeout=SECONDS)


def _called(app: App) -> str:
    """Return how this program was called, for command lines that mend."""
    if app.directory is None:
        return "learnplan-db"
    return f"learnplan-db -C {shlex.quote(str(app.directory))}"


def _tell(app: App, target: Target, report: Report) -> None:
    """Print a line each check, and what mends it below."""
    if app.terminal.as_json:
        app.terminal.json(target=config.display(target.conninfo), **report.as_json())
        return
    width = max(len(one.name) for one in report.checks)
    for one in report.checks:
        if one.verdict.state == OK and not app.terminal.verbosity:
            continue
        app.terminal.emit(_line(app, one, width))
    counts = [
        (OK, "ok"),
        (WARN, "warnings"),
        (FAIL, "failures"),
        (SKIP, "not looked at"),
    ]
    app.terminal.emit("")
    app.terminal.emit(", ".join(f"{report.counted(s)} {word}" for s, word in counts))


def _line(app: App, one: Check, width: int) -> str:
    verdict = one.verdict
    state = app.terminal.style(f"{verdict.state:<4}", COLORS[verdict.state])
    text = f"{state}  {one.name:<{width}}  {verdict.what}"
    if verdict.fix and verdict.fix.text:
        text += f"\n      {'fix':>{width}}  {verdict.fix.text}"
    return text
