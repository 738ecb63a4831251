"""
A schema in Markdown: every table, view, type and function, in words, from the catalog.

May import lower floors of pictures; reads its own template; never writes.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

import jinja2

from learnplan_db.evidence.legal import xml
from learnplan_db.pictures import words

if TYPE_CHECKING:
    from learnplan_db.pictures.model import Drawing

# An underscore within a word means nothing.
_MARKUP = re.compile(r"([\\`*{}\[\]<>|~#&$]|(?<!\w)_|_(?!\w))")


def as_markdown(drawing: Drawing) -> str:
    """Return the text, the same on every major and wherever the plan is deployed."""
    environment = jinja2.Environment(  # noqa: S701 - Markdown, escaped by its own rules
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": plain, "code": code, "link": link}
    template = resources.files(__package__).joinpath("reference.md.j2")
    made = environment.from_string(template.read_text("utf-8"))
    text = made.render(drawing=drawing, words=words)
    return re.sub(r"\n{3,}", "\n\n", text)


def plain(text: str) -> str:
    """Return any text as text of Markdown, on one line and fit for a table."""
    return _MARKUP.sub(r"\\\1", xml(" ".join(text.split())))


def code(text: str) -> str:
    """Return any text as code within a line, fit for a table; nothing for nothing."""
    line = xml(" ".join(text.split())).replace("|", "\\|")
    if not line:
        return ""
    longest = max(map(len, re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    edge = " " if "`" in line else ""
    return f"{fence}{edge}{line}{edge}{fence}"


def link(name: str) -> str:
    """Return a name as a link to its heading; one that is no plain word, as code."""
    word = re.fullmatch(r"[a-z0-9_]+", name)
    return f"[{plain(name)}](#{name})" if word else code(name)
