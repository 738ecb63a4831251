"""
Who works here: the planner of a plan, the committer of a deployment.

May import lower floors; reads the environment and the system's users; never prints.
Source: sqitch-configuration, "user"; Sqitch 1.3.1, tried out.
"""

from __future__ import annotations

import os
import pwd
import socket
from typing import TYPE_CHECKING

from learnplan_db.errors import ConfigError
from learnplan_db.model import Planner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnplan_db.settings.configuration import Configuration


def committer(configuration: Configuration) -> Planner:
    """
    Return who deploys, as Sqitch finds it out: the environment, then user.*.

    Raises: ConfigError: name or email would break the line of a plan.
    """
    environ = configuration.environ
    login = environ.get("SQITCH_ORIG_SYSUSER") or system_user(environ)
    name = (
        environ.get("SQITCH_FULLNAME")
        or configuration.get("user.name")
        or environ.get("SQITCH_ORIG_FULLNAME")
        or _full_name(login)
    )
    email = (
        environ.get("SQITCH_EMAIL")
        or configuration.get("user.email")
        or environ.get("SQITCH_ORIG_EMAIL")
        or f"{login}@{socket.gethostname()}"
    )
    if "<" in name or name.startswith("["):
        where = _where(configuration, "name")
        raise ConfigError.bad_user(
            "name", 'may not contain "<" or start with "["', where
        )
    if ">" in email:
        where = _where(configuration, "email")
        raise ConfigError.bad_user("email", 'may not contain ">"', where)
    return Planner(name, email)


def planner(configuration: Configuration) -> Planner:
    """
    Return who plans: the committer, if a plan can hold the name.

    In a plan ``#`` begins the note, so that a line with such a name could not be read
    again, by Sqitch neither; Sqitch writes it all the same.
    Raises: ConfigError: it cannot.
    """
    found = committer(configuration)
    for what, text in (("name", found.name), ("email", found.email)):
        if "#" in text or "\n" in text or "\r" in text:
            where = _where(configuration, what)
            rule = 'may not contain "#" or a line break: the plan could not be read'
            raise ConfigError.bad_user(what, rule, where)
    return found


def _where(configuration: Configuration, what: str) -> str:
    """Return where a name or email comes from."""
    variable = {"name": "SQITCH_FULLNAME", "email": "SQITCH_EMAIL"}[what]
    if configuration.environ.get(variable):
        return f"environment variable {variable}"
    return configuration.origin(f"user.{what}")


def system_user(environ: Mapping[str, str]) -> str:
    """Return the name of the account, as the terminal or the system knows it."""
    try:
        return os.getlogin()
    except OSError:
        pass
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        known = (environ.get(name) for name in ("LOGNAME", "USER", "USERNAME"))
        return next((name for name in known if name), str(os.getuid()))


def _full_name(login: str) -> str:
    try:
        return pwd.getpwnam(login).pw_gecos or login
    except KeyError:
        return login
