"""
The command that fills a database with sample data: seed.

May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

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
from learnplan_db.engine import session
from learnplan_db.security.variables import Variables
from learnplan_db.seeding.world import SIZES, Size, sow

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 10_000_000  # plans and users: their numbers are integers


def _sizing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command its size and its seed."""
    number = click.IntRange(1, MOST)
    sizes = ", ".join(f"{k} {v.plans:,} plans" for k, v in SIZES.items())
    for decorate in (
        json_option,
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            help="Name a role, as render does.",
        ),
        click.option("--append", is_flag=True, help="Add to rows that are there."),
        click.option(
            "--seed",
            type=click.IntRange(0, 999_999_999),
            help="The same seed makes the same rows; else the first that is free.",
        ),
        click.option("--users", type=number, help="So many users."),
        click.option("--plans", type=number, help="So many plans."),
        click.option(
            "--size",
            type=click.Choice(list(SIZES)),
            default="small",
            show_default=True,
            help=f"{sizes}.",
        ),
    ):
        function = decorate(function)
    return function


@command(
    "seed",
    "learnplan-db seed db:pg://db.example.org/app --size medium",
    "learnplan-db seed --plans 200 --users 50 --seed 7 --append",
)
@_sizing
@override_options("dbname", "user", "host", "port")
@target_option
@words_argument
@pass_app
def seed(
    app: App,
    /,
    *,
    words: tuple[str, ...],
    settings: tuple[str, ...],
    seed: int | None,
    append: bool,
    **given: Any,
) -> None:
    """
    Fill a database with sample users, plans, progress and all that belongs to them.

    One transaction of the service role, which only adds: an interrupted one leaves
    nothing. Refuses a database that has rows, unless --append is given.
    """
    roles = Variables.from_settings(settings)
    size = _size(given)
    wanted = Wanted(given["target"], given.get("overrides", {}), changes=False)
    target = app.arguments(words, wanted).target
    app.terminal.info(f"Seeding {size.plans:,} plans of {size.users:,} users")

    def tell(done: int) -> None:
        if done < size.plans:
            app.terminal.info(f"  {done:,} plans")

    with session.connect(target.conninfo) as connection:
        made = sow(connection, size, roles, seed=seed, append=append, tell=tell)
    if app.terminal.as_json:
        one = {"sub": made.sub, "plans": made.plans_of_sub}
        app.terminal.json(seed=made.seed, rows=made.rows, example=one)
        return
    width = max(len(f"{count:,}") for count in made.rows.values())
    for table, count in made.rows.items():
        app.terminal.emit(f"  {table:<16}  {count:>{width},}")
    app.terminal.emit(
        f"Seed {made.seed}. Most plans ({made.plans_of_sub:,}) has:"
        f' acting_as(connection, sub="{made.sub}")'
    )


def _size(given: dict[str, Any]) -> Size:
    """Return the size that is named, with the numbers that are given in its place."""
    named = SIZES[given["size"]]
    plans = given["plans"] or named.plans
    few = max(1, plans // 4) if given["plans"] else named.users
    return Size(plans, given["users"] or few)
