"""What every error has: what happened, where, what to do, and an exit code."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean "x"?`` for the nearest known word, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - slow, for mistakes alone

    near = get_close_matches(word, list(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def remedy(error: OSError, usual: str) -> str:
    """Return what to do about a file that cannot be written."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return "make room on the disk, and run the command again" if full else usual


def identifier(name: str) -> str:
    """Return a name as SQL takes it, for a statement that somebody may copy."""
    plain = re.fullmatch("[a-z_][a-z0-9_]*", name)
    return name if plain else '"{}"'.format(name.replace('"', '""'))


def without_password(word: str) -> str:
    """
    Return a word of the command line as people may see it.

    Whatever it was to be, a URI or conninfo, whole or half: what may be of a password
    is not shown, though more may be lost.
    """
    hidden = re.sub(r"(password\s*=).+", r"\1…", word, flags=re.DOTALL)
    hidden = re.sub(r"(//[^/@:]*:).+@", r"\1…@", hidden, flags=re.DOTALL)
    if hidden == word and not re.match(r"[\w+.:-]*://", word):
        hidden = re.sub(r"\A([^@:]*:).+@", r"\1…@", word, flags=re.DOTALL)
    return hidden


class LearnplanError(Exception):
    """
    Base of all errors that are the user's to mend.

    Args: message: what happened, lower case, no full stop; where: a file and its line,
        object or server, or None; fix: what to do next, or None. ``mild`` marks what
        is told on standard output, since it is no error.
    """

    exit_code = 2
    mild = False
    sqlstate: str | None = None

    def __init__(
        self, message: str, *, where: str | None = None, fix: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix
        self.shown = False  # whether a person has seen it while the command ran
        self.outcome: str | None = None  # what is said last, once it was shown

    def __str__(self) -> str:
        lines = [self.message]
        if self.where:
            lines.append(f"  at   {self.where}")
        if self.fix:
            lines.append(f"  fix  {self.fix}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Return the error as JSON holds it."""
        return {
            "class": type(self).__name__,
            "message": self.message,
            "where": self.where,
            "fix": self.fix,
            "sqlstate": self.sqlstate,
            "exit_code": self.exit_code,
        }


class NothingDoneError(LearnplanError):
    """
    There was nothing to do or to show, or somebody said no: no error, exit code 1.

    The message goes to standard output as it is, and --quiet drops it, as in Sqitch.
    """

    exit_code = 1
    mild = True
