"""
Names of colours and styles, as the escape sequences that terminals know.

May import errors; never prints.
Source: ECMA-48, SGR; the names are those of Perl's Term::ANSIColor.
"""

from __future__ import annotations

import re

from learnplan_db.errors import ReportError

_STYLES = {
    "clear": 0,
    "reset": 0,
    "bold": 1,
    "dark": 2,
    "faint": 2,
    "italic": 3,
    "underline": 4,
    "underscore": 4,
    "blink": 5,
    "reverse": 7,
    "concealed": 8,
}
_COLORS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_EVENTS = {"deploy": "green", "revert": "blue"}
_CUBE_START, _GREY_START = 16, 232  # of the 256 colours
_BRIGHTEST = 255


def _code(name: str) -> str | None:
    """Return the parameter of a colour's sequence: 30 to 47, 90 to 107, or 38;5;N."""
    if name in _STYLES:
        return str(_STYLES[name])
    plain = name.removeprefix("on_")
    back = 10 if plain != name else 0
    if plain.removeprefix("bright_") in _COLORS:
        bright = 60 if plain.startswith("bright_") else 0
        return str(30 + back + bright + _COLORS.index(plain.removeprefix("bright_")))
    if found := re.fullmatch(r"r(\d+)g(\d+)b(\d+)", plain, re.ASCII):
        parts = [int(part) for part in found.groups()]
        if max(parts) > _BRIGHTEST:
            return None
        return ";".join(map(str, [38 + back, 2, *parts]))
    number = _number(plain)
    return None if number is None else f"{38 + back};5;{number}"


def _number(name: str) -> int | None:
    """Return a colour's place among the 256, of ansi16, grey5 or rgb123."""
    found = re.fullmatch(r"(ansi|grey)(0|[1-9][0-9]{0,2})|rgb([0-5]{3})", name)
    if not found:
        return None
    kind, digits, cube = found.groups()
    if cube:
        return _CUBE_START + int(cube, 6)
    number = int(digits) + (_GREY_START if kind == "grey" else 0)
    return number if number <= _BRIGHTEST else None


def sequence(names: str | None, event: str) -> str:
    """
    Return the escape sequence of ``bold red``; of ``:event``, the colour of an event.

    Raises: ReportError: one of the names is no colour.
    """
    if names == ":event":
        names = _EVENTS.get(event, "red")
    codes = [_code(name) for name in (names or "").lower().split()]
    if not names or names == "0" or None in codes:
        raise ReportError.unknown_color(names)
    return f"\x1b[{';'.join(filter(None, codes))}m" if codes else ""
