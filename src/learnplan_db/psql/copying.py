r"""
Read the arguments of psql's \copy.

May import errors; opens nothing.
Source: psql, \copy; copy.c of PostgreSQL 15.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from learnplan_db.errors import ScriptError

_WORD = re.compile(
    r"""\s*(
      "(?:[^"]|"")*"
    | [eE]?'(?:[^']|'')*'
    | [.,()]
    | [^\s.,()"']+
    )""",
    re.VERBOSE,
)
_STREAMS = {"stdin", "stdout", "pstdin", "pstdout"}


@dataclass(frozen=True, slots=True)
class Copy:
    """
    What is copied (``what``), which way, to or from which file, with which options.

    ``kind`` is "file", "program", or the name of a stream.
    """

    what: str
    reads: bool
    kind: str
    name: str
    options: str

    @property
    def query(self) -> str:
        """Return the COPY that goes to the server."""
        way = "FROM STDIN" if self.reads else "TO STDOUT"
        return f"COPY {self.what} {way} {self.options}".rstrip()


def parse(text: str, where: str) -> Copy:
    r"""
    Return what a \copy says.

    Raises: ScriptError: exit code 2, if psql would not understand it.
    """
    text = text.rstrip("; \t\r\f\v")
    depth, words, start = 0, 0, 0
    while match := _WORD.match(text, start):
        word = match[1].lower()
        depth += (word == "(") - (word == ")")
        if not depth and word in {"from", "to"} and words:
            return _target(text, match, where)
        start, words = match.end(), words + 1
    raise ScriptError.bad_copy(text[start:].strip() or "end of line", where)


def _target(text: str, way: re.Match[str], where: str) -> Copy:
    reads = way[1].lower() == "from"
    what = text[: way.start()].strip()
    match = re.compile(r"\s*('(?:[^']|'')*'|\S+)").match(text, way.end())
    if not match:
        raise ScriptError.bad_copy("end of line", where)
    name, kind = match[1], "file"
    if name.lower() == "program":
        kind = "program"
        match = re.compile(r"\s*('(?:[^']|'')*')").match(text, match.end())
        if not match:
            raise ScriptError.bad_copy(name, where)
        name = match[1]
    elif name.lower() in _STREAMS:
        kind = name.lower()
        # psql takes either name for either way, and "p" for the process's own.
        kind = ("p" if kind[0] == "p" else "") + ("stdin" if reads else "stdout")
    if kind == "pstdin":
        raise ScriptError.psql_only("\\copy from pstdin", where)
    if name.startswith("'"):
        name = name[1:-1].replace("''", "'")
    options = text[match.end() :].strip()
    return Copy(what, reads, kind, name, options)
