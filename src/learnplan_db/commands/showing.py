"""
How log and plan show what they find: their common options, and the pager.

May import lower floors; prints through the terminal only.
Source: Sqitch 1.3.1, log and plan, "Options".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.commands import candidates
from learnplan_db.errors import ReportError
from learnplan_db.reports import dates, formats, layouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from learnplan_db.commands.options import App
    from learnplan_db.model import Item

COLORS = ("auto", "always", "never")
ITEMS = ("raw", "full", "long", "medium", "short", "oneline")
DATES = ("iso", "raw", "rfc", "full", "long", "medium", "short")
ONELINE_ID = 6  # digits of an id in --oneline
_COUNT = click.IntRange(min=0)


def setting(app: App, key: str) -> str | None:
    """Return what the configuration says of a key, or None."""
    return app.configuration.get(key)


def words_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command its words, each a target."""
    return click.argument(
        "words", nargs=-1, metavar="[TARGET]", shell_complete=candidates.targets
    )(function)


def show_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what to show, and how."""
    for option in (
        click.option("--headers/--no-headers", default=True, help="Say of what first."),
        click.option("--oneline", is_flag=True, help="Format oneline, short ids."),
        click.option("--abbrev", type=int, metavar="N", help="Digits of an id."),
        click.option("--no-color", is_flag=True, help="The same as --color never."),
        click.option("--color", type=click.Choice(COLORS), help="When to use colors."),
        click.option("--reverse/--no-reverse", help="Show in the other order."),
        click.option("--skip", type=_COUNT, default=0, metavar="N", help="Pass over."),
        click.option(
            *("-n", "--max-count"), type=_COUNT, default=0, metavar="N", help="At most."
        ),
        date_option,
        click.option(
            *("-f", "--format", "form"),
            metavar="FORMAT",
            shell_complete=candidates.any_of(*ITEMS, "format:"),
            help="raw, full, long, medium, short, oneline or format:TEXT.",
        ),
    ):
        function = option(function)
    return function


def date_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --date-format, passed as ``date_format``."""
    return click.option(
        *("--date-format", "--date", "date_format"),
        metavar="FORMAT",
        shell_complete=candidates.any_of(*DATES, "cldr:", "strftime:"),
        help="iso, raw, rfc, full, long, medium, short, cldr:TEXT or strftime:TEXT.",
    )(function)


def formatter(app: App, kind: str, given: Mapping[str, Any]) -> formats.Formatter:
    """
    Return what writes the items of ``log`` or ``plan``.

    Raises: ReportError: an option or the configuration names an unknown format.
    """
    oneline = "oneline" if given["oneline"] else None
    name = given["form"] or oneline or setting(app, f"{kind}.format") or "medium"
    abbrev = given["abbrev"]
    if abbrev is None:
        abbrev = ONELINE_ID if oneline else 0
    color = given["color"] or setting(app, f"{kind}.color") or "auto"
    if color not in COLORS:
        raise ReportError.bad_color_choice(kind, color)
    return formats.Formatter(
        formats.parse(layouts.named(kind, name)),
        chosen_date_format(app, kind, given["date_format"]),
        abbrev,
        app.terminal.wants_color("never" if given["no_color"] else color),
    )


def chosen_date_format(app: App, kind: str, given: str | None) -> str:
    """
    Return the date format of an option, of the configuration, or iso.

    Raises: ReportError: there is no such format.
    """
    return dates.check(given or setting(app, f"{kind}.date_format") or "iso")


def show(
    app: App, head: Iterable[str], formatter: formats.Formatter, items: Iterable[Item]
) -> None:
    """Print items below a head; the first is formatted before anything is printed."""
    texts = map(formatter.text, items)
    first = next(texts, None)
    program = (
        os.environ.get("SQITCH_PAGER")
        or setting(app, "core.pager")
        or os.environ.get("PAGER")
    )
    with app.terminal.paged(program) as write:
        for line in head:
            write(line)
        if first is not None:
            write(first)
        for text in texts:
            write(text)
