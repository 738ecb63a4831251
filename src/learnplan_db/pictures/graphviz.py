"""
A drawing as SVG, laid out by Graphviz.

The one module of pictures that starts a process: ``dot``, where it is installed. May
import lower floors; reads its own style sheet; never writes.
Source: Graphviz 2.43 and later, "HTML-like labels" and "Arrow Shapes".
"""

from __future__ import annotations

import shutil
import subprocess
from html import escape
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from learnplan_db.errors import PictureError
from learnplan_db.evidence.legal import xml
from learnplan_db.pictures import words
from learnplan_db.pictures.model import ENFORCED, FOR_OTHERS, OFF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnplan_db.pictures.model import Column, Drawing, Link, Table

_SVG = "http://www.w3.org/2000/svg"
_LINK = "http://www.w3.org/1999/xlink"
# Colours by the job that they do, each with what stands for it in the dark.
PAGE, CARD, HEAD = "#fafaf8", "#ffffff", "#e7efed"
INK, QUIET, LINE, BAD = "#1c2024", "#59616b", "#c9cdd1", "#b91c1c"
DARK = {
    PAGE: "#131518",
    CARD: "#1a1d21",
    HEAD: "#1f2f2d",
    INK: "#e4e7ea",
    QUIET: "#9ba4ae",
    LINE: "#3c434a",
    BAD: "#ff8a80",
}
_STYLE = "\n:root { color-scheme: light dark; }\n" + "".join(
    f'[{what}="{light}"] {{ {what}: light-dark({light}, {dark}); }}\n'
    for light, dark in DARK.items()
    for what in ("fill", "stroke")
)
GUARDS = {
    ENFORCED: ("row security forced", QUIET),
    FOR_OTHERS: ("row security not forced", BAD),
    OFF: ("no row security", BAD),
}
_WAIT = 60
_GRAPH = f"""digraph schema {{
graph [ranksep=0.5, nodesep=0.3, bgcolor="{PAGE}", pad=0.25];
node [shape=plain, fontname="Helvetica", fontsize=11, fontcolor="{INK}"];
edge [dir=both, color="{QUIET}", arrowsize=0.8, penwidth=1.1];
"""


def available() -> str | None:
    """Return the path of dot, or None where it is not installed."""
    return shutil.which("dot")


def as_svg(
    drawing: Drawing,
    *,
    anchors: Mapping[str, str] | None = None,
    down: bool = False,
) -> str:
    """
    Return the picture as the text of one SVG element, which needs nothing but itself.

    Args: anchors: what a table's box leads to when it is clicked, by the table's id;
        down: what is owned stands below, which is narrow, and not to the right.
    Raises: PictureError: there is no dot, or it fails.
    """
    program = available()
    if program is None:
        raise PictureError.no_dot()
    try:
        done = subprocess.run(
            [program, "-Tsvg"],
            input=as_dot(drawing, anchors or {}, down=down),
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=_WAIT,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise PictureError.dot_failed(program, error.stderr) from error
    except subprocess.TimeoutExpired as error:
        raise PictureError.dot_slow(program, _WAIT) from error
    except OSError as error:
        raise PictureError.dot_failed(program, str(error.strerror)) from error
    return _finished(done.stdout, drawing)


def as_dot(drawing: Drawing, anchors: Mapping[str, str], *, down: bool) -> str:
    """Return the picture in Graphviz' own language."""
    tables = (*drawing.tables, *drawing.strangers)
    numbers = {one.id: number for number, one in enumerate(tables)}
    lines = [f"rankdir={'TB' if down else 'LR'};"]
    lines += [_node(one, numbers[one.id], anchors.get(one.id, "")) for one in tables]
    places = {
        (one.id, column.name): place
        for one in tables
        for place, column in enumerate(one.columns)
    }

    def end(table: str, column: str, side: str) -> str:
        place = places.get((table, column))
        port = "" if down or place is None else f":{side}{place}:{side}"
        return f"t{numbers[table]}{port}"

    for number, link in enumerate(drawing.links):
        tail = end(link.parent, link.targets[0], "e")
        head = end(link.child, link.columns[0], "w")
        lines.append(f"{tail} -> {head} [{_ends(link)}, id=e{number}];")
    return _GRAPH + "\n".join(lines) + "\n}\n"


def _ends(link: Link) -> str:
    one = "teeodot" if link.optional else "teetee"
    many = "teeodot" if link.single else "crowodot"
    style = "solid" if link.owned else "dashed"
    return f"arrowtail={one}, arrowhead={many}, style={style}"


def _node(table: Table, number: int, anchor: str) -> str:
    guard, colour = GUARDS.get(table.row_security, ("not shown here", QUIET))
    note = ", ".join(filter(None, [table.note, guard]))
    rows = "".join(_row(one, place) for place, one in enumerate(table.columns))
    label = (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" '
        f'COLOR="{LINE}" BGCOLOR="{CARD}"><TR><TD COLSPAN="3" BGCOLOR="{HEAD}" '
        f'ALIGN="LEFT" CELLPADDING="5"><FONT POINT-SIZE="13"><B>{_text(table.name)}</B>'
        f'</FONT><BR ALIGN="LEFT"/><FONT POINT-SIZE="9" COLOR="{colour}">{_text(note)}'
        f'</FONT><BR ALIGN="LEFT"/></TD></TR>{rows}</TABLE>'
    )
    leads = f', URL="{anchor}"' if anchor else ""
    return f"t{number} [id=n{number}, label=<{label}>{leads}];"


def _row(column: Column, place: int) -> str:
    name = _text(column.name)
    shown = f"<B>{name}</B>" if "PK" in column.keys else name
    kind = _text(column.type + ("?" if column.nullable else ""))
    marks = " ".join(column.keys)
    return (
        f'<TR><TD PORT="w{place}" ALIGN="LEFT"><FONT POINT-SIZE="8" COLOR="{QUIET}">'
        f'{_text(marks)}</FONT></TD><TD ALIGN="LEFT">{shown}</TD>'
        f'<TD PORT="e{place}" ALIGN="LEFT"><FONT COLOR="{QUIET}">{kind}</FONT></TD>'
        "</TR>"
    )


def _text(text: str) -> str:
    """Return any text as a label may hold it; an empty one is a mistake to dot."""
    return escape(xml(" ".join(text.split()))) or " "


def _finished(svg: str, drawing: Drawing) -> str:
    """Return the picture with a title, a description and colours for the dark."""
    for prefix, space in (("", _SVG), ("xlink", _LINK)):
        ET.register_namespace(prefix, space)
    root = ET.fromstring(svg)  # noqa: S314 - dot's own, from escaped text
    tables = (*drawing.tables, *drawing.strangers)
    says = {f"n{number}": one.name for number, one in enumerate(tables)}
    sentences = [words.sentence(one, drawing) for one in drawing.links]
    says |= {f"e{number}": text for number, text in enumerate(sentences)}
    for group in root.iter(f"{{{_SVG}}}g"):
        title = group.find(f"{{{_SVG}}}title")
        if title is not None and group.get("class") == "graph":
            group.remove(title)
        elif title is not None:
            title.text = xml(says[group.get("id", "")])
    for link in root.iter(f"{{{_SVG}}}a"):
        link.attrib.pop(f"{{{_LINK}}}title", None)
    head = (
        ("title", f"Tables of {drawing.title}"),
        ("desc", ". ".join(sentences)),
        ("style", _STYLE),
    )
    for place, (tag, text) in enumerate(head):
        element = ET.Element(f"{{{_SVG}}}{tag}")
        element.text = xml(text)
        root.insert(place, element)
    root.set("role", "group" if root.find(f".//{{{_SVG}}}a") is not None else "img")
    return ET.tostring(root, encoding="unicode") + "\n"
