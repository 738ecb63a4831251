"""
A schema as one page of HTML, which needs nothing but itself.

It asks the network for nothing and has no script. Where Graphviz is not installed it
says so, and tells in words what the picture would show. May import lower floors and
jinja2; reads its own template and style, and the style of evidence; never writes.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from learnplan_db.evidence.legal import xml
from learnplan_db.pictures import words
from learnplan_db.pictures.graphviz import as_svg, available
from learnplan_db.pictures.mermaid import as_mermaid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnplan_db.pictures.model import Drawing, Table


def as_html(drawing: Drawing, server: str) -> str:
    """
    Return the page.

    Args: server: what is said of the server beside the database's name.
    Raises: PictureError: Graphviz is there, and fails.
    """
    template, style = _parts()
    anchors = _anchors((*drawing.tables, *drawing.views))
    here = {one.id for one in drawing.tables}
    leads = {table: f"#{name}" for table, name in anchors.items() if table in here}
    svg = as_svg(drawing, anchors=leads) if available() else ""
    width = re.search(r'width="([\d.]+pt)"', svg)
    return template.render(
        drawing=drawing,
        server=server,
        anchors=anchors,
        unguarded=drawing.unguarded(),
        columns_count=sum(len(one.columns) for one in drawing.tables),
        width=width[1] if width else "",
        picture=Markup(svg),  # noqa: S704 - made of escaped text
        mermaid=as_mermaid(drawing),
        words=words,
        style=Markup(style),  # noqa: S704 - our own files
    )


def _anchors(tables: Iterable[Table]) -> dict[str, str]:
    """Return an id of the page for each table: readable, and no two alike."""
    found: dict[str, str] = {}
    for table in tables:
        name = "table-" + re.sub(r"[^a-z0-9_]+", "-", table.name.lower())
        again = sum(one.split("--")[0] == name for one in found.values())
        found[table.id] = f"{name}--{again + 1}" if again else name
    return found


@cache
def _parts() -> tuple[jinja2.Template, str]:
    base = resources.files("learnplan_db.evidence").joinpath("base.css")
    own = resources.files("learnplan_db.pictures")
    environment = jinja2.Environment(
        autoescape=True,
        finalize=_legal,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = own.joinpath("page.html.j2").read_text("utf-8")
    style = base.read_text("utf-8") + own.joinpath("page.css").read_text("utf-8")
    return environment.from_string(template), style


def _legal(value: Any) -> Any:
    """Return a value of the page; text only as HTML may hold it."""
    plain = isinstance(value, str) and not isinstance(value, Markup)
    return xml(value) if plain else value
