"""
psql's meta-commands: which are run, ignored or refused, and their arguments.

May import errors, lexer, copying and variables; runs nothing.
Source: psql, "Meta-Commands"; psqlscanslash.l of PostgreSQL 15.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnplan_db.errors import ScriptError
from learnplan_db.psql import copying, variables
from learnplan_db.psql.lexer import NAME, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.psql.lexer import Lexer, Lookup

    Shell = Callable[[str], str]

BRANCHING = {"if", "elif", "else", "endif"}
INCLUDING = {"i": False, "include": False, "ir": True, "include_relative": True}
SENDING = {"g", "gset"}
_RUN = {
    *("set", "unset", "echo", "qecho", "warn", "q", "quit", "copy", "r", "reset"),
    *BRANCHING,
    *INCLUDING,
    *SENDING,
}
# What only changes how rows look, or guards the commands of a dump.
IGNORED = {
    *("pset", "x", "t", "a", "timing", "f", "H", "html", "C", "T", "encoding", "o"),
    *("restrict", "unrestrict"),
}
_REASONS = {
    "c": "the script would go on in another session",
    "connect": "the script would go on in another session",
    "o": "output would go elsewhere",
    "g": "output would go elsewhere",
}
_UTF8 = re.compile("utf-?8|unicode", re.IGNORECASE)
_ARGUMENT = re.compile(
    rf"""
      (?P<plain>     [^\s'"`:\\]++ )
    | (?P<string>    '[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*'(?!') )
    | (?P<shell>     `[^`]*+` )
    | (?P<double>    "[^"]*+" )
    | (?P<variable>  :(?: {NAME} | '{NAME}' | "{NAME}" | \{{\?{NAME}\}} ) )
    | (?P<open>      ['"`] )
    | (?P<colon>     : )
    """,
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(r"''|\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "b": "\b", "r": "\r", "f": "\f"}
_IN_SHELL = re.compile(rf":(?:({NAME})|'({NAME})')", re.ASCII)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument; ``literal`` if nothing in it is looked up or computed."""

    value: str
    literal: bool = True
    quote: str = ""


@dataclass(slots=True)
class Command:
    """A meta-command as it stands in the file, its arguments read or not."""

    name: str
    offset: int
    arguments: list[Argument] = field(default_factory=list)
    rest: str = ""

    @property
    def values(self) -> list[str]:
        """Return the arguments as text."""
        return [argument.value for argument in self.arguments]

    @property
    def literal(self) -> bool:
        """Tell whether all arguments are known before the script runs."""
        return all(argument.literal for argument in self.arguments)


def known(name: str) -> bool:
    """Tell whether a command is run or ignored."""
    return name in _RUN or name in IGNORED


def take(
    lexer: Lexer, text: str, offset: int, lookup: Lookup, shell: Shell | None
) -> Command:
    """
    Read a command's arguments off the line, and move the lexer behind them.

    Args: shell: runs what is in backticks; None, then it is left out.
    Raises: ScriptError: exit code 2, if a quote is not closed.
    """
    command = Command(text[1:], offset)
    if command.name == "copy":
        command.rest = lexer.rest_of_line().strip()
        lexer.position += len(lexer.rest_of_line())
        return command
    line, place = lexer.rest_of_line(), 0
    while True:
        while place < len(line) and line[place].isspace():
            place += 1
        if place >= len(line) or line[place] == "\\":
            break
        argument, place = _argument(line, place, lookup, shell)
        if place < 0:
            raise ScriptError.unterminated("quote", lexer.source.where(offset))
        command.arguments.append(argument)
    lexer.position += place + 2 * line.startswith("\\\\", place)
    return command


def _argument(
    line: str, place: int, lookup: Lookup, shell: Shell | None
) -> tuple[Argument, int]:
    """Return the argument at a place in the line, and where it ends; -1 if nowhere."""
    parts: list[str] = []
    literal, quote, start = True, "", place
    while match := _ARGUMENT.match(line, place):
        kind, text = match.lastgroup, match[0]
        if kind == "open":
            return Argument(""), -1
        if place == start and kind != "plain":
            quote = text[0]
        place = match.end()
        if kind == "string":
            parts.append(_ESCAPE.sub(_unescaped, text[1:-1]))
        elif kind == "variable":
            literal = False
            parts.append(expanded(text, lookup))
        elif kind == "shell":
            literal = False
            inner = _IN_SHELL.sub(lambda m: _for_shell(m, lookup), text[1:-1])
            parts.append(shell(inner) if shell else "")
        else:
            parts.append(text)
    return Argument("".join(parts), literal, quote), place


def expanded(text: str, lookup: Lookup) -> str:
    """Return the value of :x, :'x', :"x" or :{?x}; of an unknown one, the text."""
    value = lookup(text.strip(":'\"{?}"))
    if text[1] == "{":
        return str(value is not None).upper()
    if value is None:
        return text
    return quoted(value, text[1]) if text[1] in "'\"" else value


def _unescaped(match: re.Match[str]) -> str:
    octal, hexadecimal, letter = match.groups()
    if octal or hexadecimal:
        return chr(int(octal or hexadecimal, 8 if octal else 16) & 0xFF)
    return _LETTERS.get(letter, letter) if letter else "'"


def _for_shell(match: re.Match[str], lookup: Lookup) -> str:
    value = lookup(match[1] or match[2])
    if value is None:
        return match[0]
    return "'" + value.replace("'", "'\"'\"'") + "'" if match[2] else value


def check(command: Command, where: str) -> None:
    """
    Refuse what only psql can do; what depends on values, when they are known.

    Raises: ScriptError: exit code 2.
    """
    name, values = command.name, command.values
    shown = f"\\{name}"
    reason = _REASONS.get(name, "")
    if not known(name):
        raise ScriptError.psql_only(shown, where, reason)
    elsewhere = values and not (name == "g" and values[0].startswith("("))
    if name in {"g", "o"} and elsewhere:
        raise ScriptError.psql_only(f"{shown} {values[0]}", where, reason)
    if name == "encoding" and not (values and _UTF8.fullmatch(values[0])):
        raise ScriptError.psql_only(shown, where, "scripts are read as UTF-8")
    if name == "set" and not values:
        raise ScriptError.psql_only(shown, where)
    if name == "set" and command.literal:
        value = "".join(values[1:])
        if variables.changes_course(values[0], value):
            raise ScriptError.psql_only(f"{shown} {values[0]} {value}", where)
    if name == "copy":
        copying.parse(command.rest, where)
