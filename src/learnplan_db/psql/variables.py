"""
psql's variables: their names, which have a meaning, and what may be put into them.

May import nothing of the package; does no I/O.
Source: psql, "Variables".
"""

from __future__ import annotations

import re

# What psql says of the session, of itself and of the last statement.
LIVE = frozenset(
    [
        "DBNAME",
        "USER",
        "HOST",
        "PORT",
        "ENCODING",
        "SERVER_VERSION_NAME",
        "SERVER_VERSION_NUM",
        "VERSION",
        "VERSION_NAME",
        "VERSION_NUM",
        "ROW_COUNT",
        "SQLSTATE",
        "ERROR",
        "LAST_ERROR_MESSAGE",
        "LAST_ERROR_SQLSTATE",
    ]
)
DEFAULTS = {
    "AUTOCOMMIT": "on",
    "COMP_KEYWORD_CASE": "preserve-upper",
    "ECHO": "none",
    "ECHO_HIDDEN": "off",
    "FETCH_COUNT": "0",
    "HIDE_TABLEAM": "off",
    "HIDE_TOAST_COMPRESSION": "off",
    "HISTCONTROL": "none",
    "HISTSIZE": "500",
    "IGNOREEOF": "0",
    "ON_ERROR_ROLLBACK": "off",
    "ON_ERROR_STOP": "1",
    "QUIET": "on",
    "SHOW_ALL_RESULTS": "on",
    "SHOW_CONTEXT": "errors",
    "SINGLELINE": "off",
    "SINGLESTEP": "off",
    "VERBOSITY": "default",
    "LAST_ERROR_MESSAGE": "",
    "LAST_ERROR_SQLSTATE": "00000",
}
# What psql knows after it has sent nothing but blanks and comments.
NOTHING = {"ERROR": "false", "SQLSTATE": "00000", "ROW_COUNT": "0"}
_SWITCHES = frozenset(
    [
        "AUTOCOMMIT",
        "ON_ERROR_STOP",
        "QUIET",
        "SINGLELINE",
        "SINGLESTEP",
        "HIDE_TABLEAM",
        "HIDE_TOAST_COMPRESSION",
        "SHOW_ALL_RESULTS",
    ]
)
_CHOICES = {
    "ECHO": ("queries", "errors", "all", "none"),
    "HISTCONTROL": ("ignorespace", "ignoredups", "ignoreboth", "none"),
    "COMP_KEYWORD_CASE": ("lower", "upper", "preserve-lower", "preserve-upper"),
    "VERBOSITY": ("default", "verbose", "terse", "sqlstate"),
    "SHOW_CONTEXT": ("never", "errors", "always"),
}
_MIXED = {"ECHO_HIDDEN": "noexec", "ON_ERROR_ROLLBACK": "interactive"}
_NUMBERS = frozenset({"FETCH_COUNT", "HISTSIZE", "IGNOREEOF"})
# Those that would change how a script runs, and the only values that we run.
_FIXED = {
    "AUTOCOMMIT": True,
    "SINGLELINE": False,
    "SINGLESTEP": False,
    "ON_ERROR_ROLLBACK": False,
}
_NAME = re.compile(r"[^\x00-/:-@\[-\^`{-\x7f]+")  # lexer.NAME


FIXED = frozenset(_FIXED)


def truth(value: str) -> bool | None:
    """Return what a word means to psql as a boolean, or None."""
    word = value.lower()
    for whole, least in (("true", 1), ("yes", 1), ("on", 2), ("1", 1)):
        if len(word) >= least and whole.startswith(word):
            return True
    for whole, least in (("false", 1), ("no", 1), ("off", 2), ("0", 1)):
        if len(word) >= least and whole.startswith(word):
            return False
    return None


def special(name: str) -> bool:
    """Tell whether psql watches what is put into a variable."""
    return name in _SWITCHES or name in _CHOICES or name in _MIXED or name in _NUMBERS


def changes_course(name: str, value: str) -> bool:
    """Tell whether a value makes psql run a script in a way that we do not."""
    if name not in _FIXED:
        return False
    if name in _MIXED and value == _MIXED[name]:
        return False  # interactive: not here
    known = truth(value or ("off" if name in _MIXED else "on"))
    return known is not None and known != _FIXED[name]


def complaint(name: str, value: str) -> str | None:
    """Return why psql does not take a value for a name, in its words, or None."""
    if not _NAME.fullmatch(name):
        return f'invalid variable name: "{name}"'
    told = f'unrecognized value "{value}" for "{name}"'
    if name in _SWITCHES and value and truth(value) is None:
        return f"{told}: Boolean expected"
    if name in _MIXED and value != _MIXED[name] and value and truth(value) is None:
        return f"{told}\nAvailable values are: on, off, {_MIXED[name]}."
    choices = _CHOICES.get(name, ())
    if choices and value.lower() not in choices:
        return f"{told}\nAvailable values are: {', '.join(choices)}."
    if name in _NUMBERS and not re.fullmatch("-?[0-9]+", value or "0"):
        return f'invalid value "{value}" for "{name}": integer expected'
    return None


class Variables(dict[str, str]):
    """The variables of one run of a script."""

    @property
    def stops(self) -> bool:
        """Tell whether an error ends the script."""
        return truth(self["ON_ERROR_STOP"]) is not False

    def put(self, name: str, value: str) -> None:
        """Set a variable, as psql does: without a value a switch is turned on."""
        self[name] = "on" if name in _SWITCHES and not value else value

    def drop(self, name: str) -> None:
        """Unset a variable: one with a meaning goes back to psql's own default."""
        if special(name):
            self[name] = "off" if name in _SWITCHES else DEFAULTS[name]
        else:
            self.pop(name, None)
