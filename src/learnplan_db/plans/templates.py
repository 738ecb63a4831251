"""
Fill in the templates of new scripts: where they are found, and what they may say.

The language is the small part of Template Toolkit that Sqitch itself relies on:
``[% name %]``, FOREACH, IF, UNLESS, ELSE and END, with ``-`` to swallow line ends.
Anything else stays in the text as it is.
May import errors; reads files, never writes one.
Source: sqitch-add, "Templates"; Template::Tiny 1.14, tried out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnplan_db.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Values = dict[str, "str | list[str]"]

CORE = ("deploy", "revert", "verify")
ENGINE = "pg"
_DEPENDENCIES = """[% FOREACH item IN requires -%]
-- requires: [% item %]
[% END -%]
[% FOREACH item IN conflicts -%]
-- conflicts: [% item %]
[% END -%]
"""
_BODY = "\nBEGIN;\n\n-- XXX Add {0} here.\n\n{1};\n"
BUILT_IN = {
    "deploy": "-- Deploy [% project %]:[% change %] to [% engine %]\n"
    + _DEPENDENCIES
    + _BODY.format("DDLs", "COMMIT"),
    "revert": "-- Revert [% project %]:[% change %] from [% engine %]\n"
    + _BODY.format("DDLs", "COMMIT"),
    "verify": "-- Verify [% project %]:[% change %] on [% engine %]\n"
    + _BODY.format("verifications", "ROLLBACK"),
}

_LEFT = r"(?:(?:(?:\A|\n)[ \t]*)?\[%-|\[%\+?)\s*"
_RIGHT = r"\s*(?:\+?%\]|-%\](?:[ \t]*\n)?)"
_NAME = r"[a-z_][\w.]*"
_BLOCK = re.compile(
    rf"{_LEFT}(?:(?P<kind>IF|UNLESS|FOREACH)\s+"
    rf"(?:(?P<item>[a-z]\w*)\s+IN\s+)?(?P<name>{_NAME})|(?P<word>ELSE|END)){_RIGHT}"
)
_VALUE = re.compile(rf"{_LEFT}(?P<name>{_NAME}){_RIGHT}")
_LATER_VALUE = re.compile(_VALUE.pattern.replace(r"\A|", ""))


@dataclass(frozen=True, slots=True)
class Template:
    """The text of a script to be, and where it comes from."""

    text: str
    source: str

    def filled(self, values: Values) -> str:
        """Return the script."""
        return _filled(_blocks(self.text), values)


@dataclass(slots=True)
class _Block:
    """A part between an opening directive and its END; the whole has no kind."""

    kind: str = ""
    item: str = ""
    name: str = ""
    opening: str = ""
    parts: list[str | _Block] = field(default_factory=list)
    otherwise: list[str | _Block] | None = None

    def add(self, part: str | _Block) -> None:
        """Append to what is open: the part before ELSE or the one after it."""
        (self.parts if self.otherwise is None else self.otherwise).append(part)


def find(
    name: str, directories: Sequence[Path], chosen: Mapping[str, Path]
) -> dict[str, Template]:
    """
    Return the templates of all scripts: ``<directory>/<script>/<name>.tmpl``.

    Args: name: the engine's key or a name of the user's; directories: the first that
        has a template wins; chosen: files of single scripts, which win over all.
    Raises: TemplateError: a file cannot be read.
    """
    files = dict(chosen)
    for directory in directories:
        found = directory.iterdir() if directory.is_dir() else ()
        for script in sorted(found):
            file = script / f"{name}.tmpl"
            if script.name not in files and file.is_file():
                files[script.name] = file
    built_in = BUILT_IN if name == ENGINE else {}
    templates = {key: Template(text, "built in") for key, text in built_in.items()}
    return templates | {script: _read(file) for script, file in files.items()}


def check(
    found: Mapping[str, Template], without: Sequence[str], name: str, looked: str
) -> None:
    """Refuse to go on without a core script's template. Raises: TemplateError."""
    for script in CORE:
        if script not in found and script not in without:
            raise TemplateError.missing(script, name, looked)


def _read(file: Path) -> Template:
    try:
        return Template(file.read_bytes().decode(), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError.unreadable(str(file), error) from error


def _blocks(text: str) -> _Block:
    """Return a template as nested blocks; what has no partner stays text."""
    stack, place = [_Block()], 0
    for found in _BLOCK.finditer(text):
        stack[-1].add(text[place : found.start()])
        place = found.end()
        top = stack[-1]
        if found["kind"]:
            item = found["item"] or ""
            stack.append(_Block(found["kind"], item, found["name"], found[0]))
        elif found["word"] == "END" and len(stack) > 1:
            stack[-2].add(stack.pop())
        elif found["word"] == "ELSE" and top.kind and top.otherwise is None:
            top.otherwise = []
        else:
            top.add(found[0])
    stack[-1].add(text[place:])
    while len(stack) > 1:  # opened and never closed
        block = stack.pop()
        for part in (block.opening, *block.parts, *(block.otherwise or ())):
            stack[-1].add(part)
    return stack[0]


def _filled(block: _Block, values: Values) -> str:
    return _joined(block.parts, values)


def _joined(parts: Sequence[str | _Block], values: Values) -> str:
    def told(found: re.Match[str]) -> str:
        return _text(_value(found["name"], values))

    return "".join(
        _chosen(part, values)
        if isinstance(part, _Block)
        else (_LATER_VALUE if place else _VALUE).sub(told, part)
        for place, part in enumerate(parts)
    )


def _chosen(block: _Block, values: Values) -> str:
    """Return what a block comes to."""
    value = _value(block.name, values)
    if block.kind == "FOREACH":
        items = value if isinstance(value, list) else []
        return "".join(_joined(block.parts, values | {block.item: i}) for i in items)
    true = isinstance(value, list) or value not in {"", "0"}
    if true == (block.kind == "IF"):
        return _joined(block.parts, values)
    return _joined(block.otherwise or (), values)


def _value(name: str, values: Values) -> str | list[str]:
    """Return what a name means, nothing if unknown; ``list.0`` is its first item."""
    first, *rest = name.split(".")
    value: str | list[str] = "" if name.startswith("_") else values.get(first, "")
    for key in rest:
        listed = isinstance(value, list) and key.isascii() and key.isdigit()
        value = value[int(key)] if listed and int(key) < len(value) else ""
    return value


def _text(value: str | list[str]) -> str:
    return " ".join(value) if isinstance(value, list) else value
