"""
How the site is built from the pages: ``./dev docs``.

A page is plain Markdown that reads well without this. The contents are those of
index.md: a heading there is a part, a link a page. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import version as version_of
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pygments.lexers.special import TextLexer
from pygments.lexers.sql import PostgresLexer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx

project = "learnplan-db"
author = "the learnplan-db maintainers"
release = version = version_of("learnplan-db")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click"]
exclude_patterns = ["build"]
nitpicky = True
# Types are named, and linked where this site has them: there is no network.
nitpick_ignore_regex = [("py:.*", ".*")]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
add_module_names = False
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"learnplan-db {release}"
html_copy_source = html_show_sourcelink = html_show_copyright = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_last_updated_fmt = None  # the same input gives the same site

_LINK = re.compile(r"\]\(([\w./-]+)\.md\)")
_API = re.compile(r"^<!-- api: ([\w.]+) -->$", re.MULTILINE)
_SECTION = re.compile(r"^(Args|Raises|Returns|Yields|Source): ?")
_ARGUMENT = re.compile(r"(?:^|; )(\w+): ")
_ERROR = re.compile(r"(?:^|[.;] )([A-Z]\w*(?:Error|Exception|Warning)): ")


def contents(text: str) -> str:
    """
    Return tables of contents: a table for each heading, of the pages it links to.

    A page that is linked to under several headings belongs to the last of them.
    """
    parts = re.split(r"^##? (.+)$", text, flags=re.MULTILINE)
    seen: set[str] = set()
    tables: list[str] = []
    for title, body in reversed(list(zip(parts[1::2], parts[2::2], strict=True))):
        names = [one for one in dict.fromkeys(_LINK.findall(body)) if one not in seen]
        seen |= set(names)
        if names:
            head = ["```{toctree}", ":hidden:", f":caption: {title}"]
            tables.insert(0, "\n".join([*head, "", *names, "```"]))
    return "\n\n".join(tables)


def kind_of(thing: Any) -> str:
    """Return what autodoc calls the kind of a public name."""
    if isinstance(thing, type):
        return "exception" if issubclass(thing, BaseException) else "class"
    return "function" if callable(thing) else "data"


def names_of(found: re.Match[str]) -> str:
    """Return what documents the public names of a module, functions first."""
    module = import_module(found[1])
    things = {name: getattr(module, name) for name in module.__all__}
    order = ("function", "class", "exception", "data")
    lines = ["```{eval-rst}", f".. module:: {found[1]}", ""]
    for name in sorted(things, key=lambda name: order.index(kind_of(things[name]))):
        thing, kind = things[name], kind_of(things[name])
        if isinstance(thing, ModuleType):
            continue
        lines.append(f".. auto{kind}:: {found[1]}.{name}")
        lines += ["   :members:", ""] if kind == "class" else [""]
        if kind == "class" and thing.__name__ != name:  # what it is another name of
            there = f"{thing.__module__}.{thing.__qualname__}"
            lines += [f".. autoclass:: {there}", "   :members:", ""]
    return "\n".join([*lines, "```"])


def complete(_: Sphinx, name: str, source: list[str]) -> None:
    """Add to a page what is made of the code, and to an index the contents."""
    if name.rpartition("/")[2] == "index":
        source[0] += "\n\n" + contents(source[0])
    source[0] = _API.sub(names_of, source[0])


def sections(*about: Any) -> None:
    """Turn the sections of a docstring into fields: Args, Raises, Returns, Source."""
    lines: list[str] = about[-1]
    texts: list[list[str]] = [[]]
    for line in lines:
        if _SECTION.match(line) or not line.strip():
            texts.append([])
        texts[-1].append(line)
    done: list[str] = []
    for text in texts:
        done += ["", *fields(text)] if text and _SECTION.match(text[0]) else text
    lines[:] = [*done, ""]


def fields(text: list[str]) -> Iterable[str]:
    """Return one section as a list of fields."""
    joined = " ".join(line.strip() for line in text)
    title, said = _SECTION.split(joined, maxsplit=1)[1:]
    word, split = {
        "Args": ("param", _ARGUMENT),
        "Raises": ("raises", _ERROR),
    }.get(title, ("", _ERROR))
    parts = split.split(said)
    if not word or len(parts) == 1 or parts[0].strip():
        name = {"Returns": "returns", "Yields": "yields"}.get(title, title)
        return [f":{name}: {said}"]
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return [f":{word} {name}: {told.strip()}" for name, told in pairs]


def examples(_: Sphinx, __: Any, lines: list[str]) -> None:
    """Show the examples of a command's help as code."""
    code = [line.removeprefix("| ").strip() for line in lines]
    code = [line for line in code if line and line != "Example:"]
    if code:
        shown = [f"   {line}" for line in code]
        lines[:] = [".. rubric:: Example", "", ".. code-block:: sh", "", *shown, ""]


def own_options(_: Sphinx, ctx: Any, lines: list[str]) -> None:
    """Leave out of a command's options those that every command has."""
    if ctx.parent is None:
        return
    common = {name for one in ctx.find_root().command.params for name in one.opts}
    kept: list[str] = []
    for line in lines:
        if found := re.match(r"\.\. option:: (-[^, ]+)", line):
            leave = found[1] in common
        if not leave:
            kept.append(line)
    lines[:] = kept


def reachable(*about: Any) -> None:
    """Let the keyboard scroll blocks and tables that are wider than the page."""
    context: dict[str, Any] = about[3]
    if "body" in context:
        wide = r'<(pre(?=>)|div(?= class="table-wrapper))'
        context["body"] = re.sub(wide, r'<\1 tabindex="0"', context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Say which of the above is called when."""
    app.add_lexer("mermaid", TextLexer)
    app.add_lexer("sql", PostgresLexer)
    app.connect("source-read", complete)
    app.connect("html-page-context", reachable)
    app.connect("autodoc-process-docstring", sections)
    app.connect("sphinx-click-process-epilog", examples)
    app.connect("sphinx-click-process-options", own_options)
    app.connect("sphinx-click-process-arguments", lambda *a: a[-1].clear())  # as usage
    return {"parallel_read_safe": True, "parallel_write_safe": True}
