"""
Every error a person can meet, with its address, its remedy and its exit code.

    LearnplanError            2  base: what happened, where, what to do
    ├── ConfigError           2  target, options, project files
    ├── PlanError             2  the plan file
    ├── RenderError           2  policy templates and render variables
    ├── RegistryError         2  what the database says was deployed
    ├── IdentityError         2  acting_as cannot take the role asked for
    ├── VerifyError           1  a verify script says no
    ├── ScriptError           3  a script failed in the database
    ├── ConnectError          4  no connection, or one that cannot be used
    └── ServerError           4  the embedded server

Constructors for causes are classmethods here, so that wording lives in one file.
May import nothing of the package; never prints.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean "x"?`` for the nearest known word, or nothing."""
    near = get_close_matches(word, list(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


class LearnplanError(Exception):
    """
    Base of all errors that are the user's to mend.

    Args: message: what happened, lower case, no full stop; where: file:line, object
        or server, or None; fix: what to do next, or None.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, where: str | None = None, fix: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.message]
        if self.where:
            lines.append(f"  at   {self.where}")
        if self.fix:
            lines.append(f"  fix  {self.fix}")
        return "\n".join(lines)


class ConfigError(LearnplanError):
    """The target, an option or a file of the project is not usable."""


class PlanError(LearnplanError):
    """The plan file is missing, malformed or inconsistent."""


class RenderError(LearnplanError):
    """A policy template cannot be rendered."""


class RegistryError(LearnplanError):
    """The registry and the plan do not fit together."""


class IdentityError(LearnplanError):
    """acting_as cannot become who it was asked to become."""


class VerifyError(LearnplanError):
    """A verify script found that the database is not as the plan says."""

    exit_code = 1


class ScriptError(LearnplanError):
    """A script failed in the database, or cannot be run by the built-in reader."""

    exit_code = 3


class ConnectError(LearnplanError):
    """No connection to the target, or one on which the command must not run."""

    exit_code = 4


class ServerError(LearnplanError):
    """The embedded server cannot be started, stopped or found."""

    exit_code = 4
