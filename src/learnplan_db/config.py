"""
Where the project is, which database is meant, and who is at the keyboard.

The only reader of the environment. May import errors and model; never prints.
Source: sqitch-configuration, "Targets" and "User"; libpq, "Connection Strings".
"""

from __future__ import annotations

import getpass
import os
import pwd
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from learnplan_db.errors import ConfigError
from learnplan_db.model import Planner

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE = Path(__file__).parent
ENGINES = {"pg", "postgres", "postgresql", "pgsql"}


def project_root(explicit: Path | None) -> Path:
    """
    Return the directory that holds sqitch.conf and sql/.

    Looks at the explicit directory, else at the wheel's copy, else at the checkout.
    Raises: ConfigError: listing where it looked.
    """
    packaged = PACKAGE / "_project"
    checkout = PACKAGE.parents[1]
    choices = [explicit.absolute()] if explicit else [packaged, checkout]
    for choice in choices:
        if (choice / "sqitch.conf").is_file():
            return choice
    raise ConfigError.no_project([str(choice) for choice in choices])


def conninfo(target: str) -> str:
    """
    Return what libpq understands for a target.

    Takes ``db:pg:...`` as Sqitch writes it, ``postgresql://...`` and ``key=value``.
    Raises: ConfigError: it is none of these.
    """
    text = target.strip()
    if text.startswith("db:"):
        engine, colon, rest = text.removeprefix("db:").partition(":")
        if not colon or engine not in ENGINES:
            raise ConfigError.bad_target(target)
        text = _uri(rest)
    elif "://" in text:
        if not text.startswith(("postgresql://", "postgres://")):
            raise ConfigError.bad_target(target)
    elif "=" not in text:
        raise ConfigError.bad_target(target)
    return usable(text)


def usable(text: str) -> str:
    """
    Return conninfo if libpq can read it as it is meant.

    Raises: ConfigError: it is malformed, or a password in it is cut in pieces, which
        libpq would take for a host or port and show in its errors.
    """
    if "://" in text:
        authority, _, path = text.partition("://")[2].partition("?")[0].partition("/")
        if authority.count("@") > 1 or "@" in path:
            raise ConfigError(
                "the target has an @ too many",
                fix="in a user, password or name write @ as %40, / as %2F, # as %23",
            )
    try:
        conninfo_to_dict(text)
    except psycopg.ProgrammingError:  # its text quotes the conninfo, password and all
        raise ConfigError.bad_target("…") from None
    return text


def _uri(rest: str) -> str:
    """Return the libpq URI of what follows ``db:pg:``: ``//host/name?k=v``, a name."""
    rest = rest.replace("#", "%23")  # there are no fragments; a password may hold it
    parts = urlsplit(rest if rest.startswith("//") else f"///{rest}")
    query = f"?{parts.query}" if parts.query else ""
    return f"postgresql://{parts.netloc}/{parts.path.lstrip('/')}{query}"


def display(text: str) -> str:
    """Return a target as people may see it: where it is, and no password."""
    known = conninfo_to_dict(text)
    host, port = known.get("host") or "", known.get("port")
    user = f"{known['user']}@" if known.get("user") else ""
    where = f"{user}{'' if str(host).startswith('/') else host}"
    address = f"{where}:{port}" if port and not str(host).startswith("/") else where
    name = known.get("dbname") or ""
    socket_part = f"?host={host}&port={port or 5432}" if str(host)[:1] == "/" else ""
    return f"db:pg://{address}/{name}{socket_part}"


def default_target(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return DATABASE_URL, or None when the embedded server is meant."""
    return environ.get("DATABASE_URL") or None


def committer(environ: Mapping[str, str] = os.environ) -> Planner:
    """Return who deploys, as Sqitch finds it out."""
    login = environ.get("SQITCH_ORIG_SYSUSER") or _login()
    name = environ.get("SQITCH_FULLNAME") or environ.get("SQITCH_ORIG_FULLNAME")
    email = environ.get("SQITCH_EMAIL") or environ.get("SQITCH_ORIG_EMAIL")
    return Planner(
        name or _full_name(login) or login, email or f"{login}@{socket.gethostname()}"
    )


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())


def _full_name(login: str) -> str:
    try:
        return pwd.getpwnam(login).pw_gecos.split(",")[0]
    except KeyError:
        return ""


def without_password(
    text: str, environ: Mapping[str, str] = os.environ
) -> tuple[str, dict[str, str]]:
    """Return conninfo without its password, and an environment that holds it."""
    known = conninfo_to_dict(text)
    password = known.pop("password", None)
    more = {"PGPASSWORD": str(password)} if password else {}
    return make_conninfo("", **known), dict(environ) | more
