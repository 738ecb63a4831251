"""
The option --version: all that the report of a fault should say.

May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.commands.options import App
from learnplan_db.errors import LearnplanError
from learnplan_db.plans.reading import read_plan

if TYPE_CHECKING:
    from collections.abc import Callable

LIBPQ_MAJOR = 10_000  # libpq says 170005 of its version 17.5


def versions() -> str:
    """Return the versions of package, packaged plan, Python, psycopg and libpq."""
    from importlib.metadata import version  # noqa: PLC0415 - rare

    from psycopg import pq  # noqa: PLC0415 - slow import

    major, minor = divmod(pq.version(), LIBPQ_MAJOR)
    return (
        f"learnplan-db {version('learnplan-db')}\n"
        f"plan {_plan()}\n"
        f"Python {platform.python_version()}\n"
        f"psycopg {version('psycopg')}, libpq {major}.{minor}"
    )


def _plan() -> str:
    """Return the newest tag of the packaged plan, or why it cannot be read."""
    try:
        plan = read_plan(App().arguments((), offline=True).target)
    except LearnplanError as error:
        return f"unknown: {error.message}"
    tags = [tag.name for change in plan.changes for tag in change.tags]
    return f"@{tags[-1]}" if tags else "without a tag"


def version_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command line --version."""

    def show(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
        if value and not ctx.resilient_parsing:
            ctx.ensure_object(App).terminal.emit(versions())
            ctx.exit()

    return click.option(
        "--version",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Show versions, also those of plan, Python and libpq.",
    )(function)
