"""
Commands that show a live schema to people: erd and reference.

May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.catalog import reading
from learnplan_db.commands import showing
from learnplan_db.commands.catalog import (
    CONNECTION,
    KEY,
    catalog_of,
    one_target,
    schemas_meant,
)
from learnplan_db.commands.options import (
    App,
    command,
    json_option,
    override_options,
    pass_app,
    target_option,
)
from learnplan_db.engine import session
from learnplan_db.errors import CatalogError, PictureError
from learnplan_db.pictures import reading as artist

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.model import Target
    from learnplan_db.pictures.model import Drawing

OURS = "learnplan"
SUFFIXES = {
    **dict.fromkeys(("", ".mmd", ".mermaid", ".md", ".txt"), "mermaid"),
    ".svg": "svg",
    ".html": "html",
}


def _looking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command a target, the options that override it, --schema and --out."""
    for decorate in (
        override_options(*CONNECTION),
        click.option(
            "--out",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Write to this file. Else print.",
        ),
        click.option(
            "--schema",
            "schemas",
            multiple=True,
            metavar="NAME",
            help=f"Schema to show; may be repeated. Else {OURS}; with -C, {KEY}, else "
            "all.",
        ),
        target_option,
        showing.words_argument,
        pass_app,
    ):
        function = decorate(function)
    return function


@command(
    "erd",
    "learnplan-db erd db:pg://db.example.org/app --out schema.html",
    "learnplan-db erd db:pg://db.example.org/app --schema learnplan > schema.mmd",
    "learnplan-db erd db:pg://db.example.org/app --format svg --down > schema.svg",
)
@_looking
@click.option(
    "--format",
    "form",
    type=click.Choice([*dict.fromkeys(SUFFIXES.values())]),
    help="Else as --out ends: .mmd, .svg or .html; without it mermaid.",
)
@click.option(
    "--down", is_flag=True, help="Draw SVG from top to bottom, not from left to right."
)
@json_option
def erd(
    app: App, /, *, form: str | None, out: Path | None, down: bool, **given: Any
) -> None:
    """
    Draw the tables of a live database: keys, who owns what, and row security.

    mermaid is text that GitHub and many editors show. svg and the picture of html need
    Graphviz. A line is solid where the child is deleted with its parent. Nothing is
    written to the database, and no right is needed but to connect.
    """
    if app.terminal.as_json and (form or out or down):
        raise click.UsageError("--json prints what would be drawn, and draws nothing")
    chosen = form or SUFFIXES.get(out.suffix.lower() if out else "")
    if not chosen:
        raise PictureError.unknown_ending(str(out))
    drawing, server = _drawing(app, **given)
    if app.terminal.as_json:
        app.terminal.json(**asdict(drawing))
        return
    _give(app, _drawn(drawing, server, chosen, down=down), out)


@command(
    "reference",
    "learnplan-db reference db:pg://db.example.org/app --out schema.md",
    "learnplan-db reference db:pg://db.example.org/app --out schema.md --check",
)
@_looking
@click.option(
    "--check", is_flag=True, help="Write nothing; exit 1 if --out would change."
)
def reference(app: App, /, *, out: Path | None, check: bool, **given: Any) -> None:
    """
    Describe a live schema in Markdown: columns, rules, policies and who may do what.

    The words are the comments of the database. The text is the same on PostgreSQL 15 to
    18 and whoever deployed, so that it can be committed, and compared with --check.
    """
    if check and not out:
        raise click.UsageError("--check compares with a file: name it with --out")
    from learnplan_db.pictures.reference import as_markdown  # noqa: PLC0415 - slow import

    drawing, _ = _drawing(app, **given)
    text = as_markdown(drawing)
    if not (out and check):
        _give(app, text, out)
        return
    try:
        there = out.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise PictureError.unreadable(str(out), _reason(error)) from error
    old, new = (one.splitlines(keepends=True) for one in (there, text))
    diff = "".join(unified_diff(old, new, str(out), "the database"))
    if diff:
        app.terminal.document(diff)
        app.terminal.vent(f"{out} is not what the database says")
        sys.exit(1)


def _drawing(
    app: App,
    *,
    words: tuple[str, ...],
    target: str | None,
    schemas: tuple[str, ...],
    overrides: dict[str, str] | None = None,
) -> tuple[Drawing, str]:
    """Return what the target's schemas hold, and what server it is."""
    chosen = one_target(app, target, words, overrides or {})
    with session.connect(chosen.conninfo) as connection:
        names = _schemas(app, connection, chosen, schemas)
        catalog = catalog_of(connection, chosen, names)
        drawing = artist.drawing(connection, names, catalog)
        version = connection.info.parameter_status("server_version") or ""
    if not drawing.tables:
        raise PictureError.no_tables(names, chosen.name)
    return drawing, f"PostgreSQL {version.split()[0]}"


def _schemas(
    app: App, connection: session.Connection, target: Target, given: tuple[str, ...]
) -> list[str]:
    """Return the schemas that are named, else those where the plan's tables are."""
    if given or not app.packaged:
        return schemas_meant(app, connection, target, given)
    if OURS not in reading.schemas(connection, target.registry):
        raise CatalogError.nothing_deployed("learnplan-db", target.name)
    return [OURS]


def _drawn(drawing: Drawing, server: str, form: str, *, down: bool) -> str:
    """Return the picture in one of the formats."""
    if form == "mermaid":
        from learnplan_db.pictures.mermaid import as_mermaid  # noqa: PLC0415 - as below

        return as_mermaid(drawing)
    if form == "svg":
        from learnplan_db.pictures.graphviz import as_svg  # noqa: PLC0415 - as below

        return as_svg(drawing, down=down)
    from learnplan_db.pictures.page import as_html  # noqa: PLC0415 - slow import

    return as_html(drawing, server)


def _give(app: App, text: str, out: Path | None) -> None:
    """Print a text, or write it to a file."""
    if not out:
        app.terminal.document(text)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise PictureError.unwritable(str(out), _reason(error)) from error
    app.terminal.info(f"Wrote {out}")


def _reason(error: OSError | UnicodeError) -> str:
    return str(getattr(error, "strerror", None) or error)
