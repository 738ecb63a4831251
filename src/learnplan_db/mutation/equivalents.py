"""
The mutants that are known to change nothing, each with the reason why.

Reads ``policies/equivalent-mutants.toml``: one [[equivalent]] a mutant, with its exact
name and the reason. May import errors; reads only the file it is given; never prints.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from learnplan_db.errors import MutationError

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = "equivalent"
KEYS = ("name", "reason")
_HEAD = re.compile(rf"\s*\[\[\s*{ENTRY}\s*\]\]")


def equivalents(path: Path, *, shown: str | None = None) -> dict[str, str]:
    """
    Return the reason by the name of the mutant; empty if there is no such file.

    Args: shown: how to name the file in an error, if not by its path.
    Raises: MutationError: with file and line, if the file says too little or too much.
    """
    name = shown or str(path)
    try:
        text = path.read_text("utf-8")
        read = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise MutationError.not_toml(*_located(error, name)) from error
    except UnicodeDecodeError as error:
        raise MutationError.not_toml("it is not UTF-8", name) from error
    except OSError as error:
        problem = error.strerror or str(error)
        raise MutationError.unreadable_file(problem, name) from error
    for key in read:
        if key != ENTRY:
            raise MutationError.unknown_key(key, _line(text, key, name), [ENTRY])
    return _entries(read.get(ENTRY, []), text, name)


def _entries(entries: Any, text: str, name: str) -> dict[str, str]:
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise MutationError.not_a_list(_line(text, ENTRY, name))
    lines = [n for n, line in enumerate(text.split("\n"), 1) if _HEAD.match(line)]
    if len(lines) != len(entries):  # written inline: the line cannot be told
        raise MutationError.not_a_list(_line(text, ENTRY, name))
    found: dict[str, tuple[str, str]] = {}
    for entry, line in zip(entries, lines, strict=True):
        where = f"{name}:{line}"
        for key in entry:
            if key not in KEYS:
                raise MutationError.unknown_key(key, where, list(KEYS))
        for key in KEYS:
            if not isinstance(entry.get(key), str) or not entry[key].strip():
                raise MutationError.missing(key, where)
        if entry["name"] in found:
            raise MutationError.double(entry["name"], where, found[entry["name"]][1])
        found[entry["name"]] = entry["reason"], where
    return {mutant: reason for mutant, (reason, _) in found.items()}


def _located(error: tomllib.TOMLDecodeError, name: str) -> tuple[str, str]:
    """Return what the reader said, and where, which it says in its message alone."""
    said = re.fullmatch(
        r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(error)
    )
    if said is None:
        return str(error), name
    return said[1], f"{name}:{said[2]}" if said[2] else f"{name}, at its end"


def _line(text: str, key: str, name: str) -> str:
    """Return the file and line where a key of the top level stands."""
    pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}\b")
    for number, line in enumerate(text.split("\n"), 1):
        if pattern.match(line):
            return f"{name}:{number}"
    return name
