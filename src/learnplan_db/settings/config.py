"""
Where the project is, what its configuration says, and what libpq makes of a target.

The only reader of the environment, with what it imports: configuration and identity.
psycopg is imported when conninfo is to be read: many commands need no database.
May import lower floors; never prints.
Source: sqitch-configuration; sqitch 1.3.1, tried out; libpq, "Connection Strings".
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from learnplan_db.errors import ConfigError
from learnplan_db.settings import identity
from learnplan_db.settings.configuration import Configuration
from learnplan_db.settings.uri import ENGINES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnplan_db.model import Planner

__all__ = [
    "Configuration",
    "committer",
    "conninfo",
    "default_target",
    "display",
    "joined",
    "project_root",
    "usable",
    "without_password",
]
PACKAGE = Path(__file__).parents[1]


def project_root(explicit: Path | None) -> Path:
    """
    Return the directory of the project: any that is named, else the packaged one.

    That is the wheel's copy, else the checkout; both hold sqitch.conf and sql/.
    Raises: ConfigError: it is no directory, or nothing is packaged.
    """
    if explicit:
        if not explicit.is_dir():
            raise ConfigError.bad_directory(str(explicit))
        return explicit.absolute()
    choices = [PACKAGE / "_project", PACKAGE.parents[1]]
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
        if not colon or ENGINES.get(engine.lower()) != "pg":
            raise ConfigError.bad_target(target)
        try:
            text = _uri(rest)
        except ValueError:  # a bracket that is not closed
            raise ConfigError.bad_target("…") from None
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
    from psycopg import ProgrammingError  # noqa: PLC0415 - slow import

    try:
        _parts(text)
    except (
        ProgrammingError,
        UnicodeDecodeError,
    ):  # it quotes conninfo, password and all
        raise ConfigError.bad_target("…") from None
    return text


def joined(base: str, **parts: Any) -> str:
    """
    Return conninfo with other parts in the place of its own.

    Raises: ConfigError: one of them is an option that libpq does not know.
    """
    import psycopg  # noqa: PLC0415 - slow import
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - slow import

    try:
        return make_conninfo(base, **parts)
    except psycopg.ProgrammingError as error:
        raise ConfigError.bad_option(str(error)) from None


def _parts(text: str) -> dict[str, Any]:
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - slow import

    return conninfo_to_dict(text)


def _uri(rest: str) -> str:
    """Return the libpq URI of what follows ``db:pg:``: ``//host/name?k=v``, a name."""
    rest = rest.replace("#", "%23")  # there are no fragments; a password may hold it
    parts = urlsplit(rest if rest.startswith("//") else f"///{rest}")
    query = f"?{parts.query}" if parts.query else ""
    return f"postgresql://{parts.netloc}/{parts.path.lstrip('/')}{query}"


def display(text: str) -> str:
    """Return a target as people may see it: where it is, and no password."""
    known = _parts(text)
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


def committer(
    environ: Mapping[str, str] = os.environ, root: Path | None = None
) -> Planner:
    """Return who deploys in a project's directory, as Sqitch finds it out."""
    return identity.committer(Configuration.load(root or project_root(None), environ))


def without_password(
    text: str, environ: Mapping[str, str] = os.environ
) -> tuple[str, dict[str, str]]:
    """Return conninfo without its password, and an environment that holds it."""
    known = _parts(text)
    password = known.pop("password", None)
    more = {"PGPASSWORD": str(password)} if password else {}
    return joined("", **known), dict(environ) | more
