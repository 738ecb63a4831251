"""
The files of a script: its text, and those that it includes.

May import errors, lexer and meta; reads files, writes none.
"""

from __future__ import annotations

import codecs
import posixpath
from dataclasses import dataclass
from pathlib import Path

from learnplan_db.errors import ScriptError
from learnplan_db.psql import meta
from learnplan_db.psql.lexer import Source


@dataclass(frozen=True, slots=True)
class File:
    """A script's text, its name as shown, and where it and the process stand."""

    source: Source
    path: Path | None = None
    directory: Path | None = None


def decode(data: bytes, name: str) -> Source:
    """
    Return a file's text.

    Raises: ScriptError: exit code 2, if it is not UTF-8 or holds NUL.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        if b"\0" in data:
            data = data.replace(b"\0", b"\xff")  # NUL cannot be sent at all
        return Source(data.decode(), name)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScriptError.not_utf8(f"{name}:{line}") from error


def included(file: File, command: meta.Command) -> File | None:
    """Return the file that an include names, or None if there is none."""
    name = command.values[0]
    if name.startswith("~"):
        name = str(Path(name).expanduser())
    shown, base = name, file.directory or Path()
    if meta.INCLUDING[command.name] and not posixpath.isabs(name):
        folder = posixpath.dirname(file.source.name)
        shown = posixpath.normpath(posixpath.join(folder, name))
        base = file.path.parent if file.path else base / folder
    path = base / name
    if not path.is_file():
        return None
    return File(decode(path.read_bytes(), shown), path, file.directory)
