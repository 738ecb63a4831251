"""
A database of the tests, and how it is reached: conninfo, a URL, a connection.

May import psycopg and the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Database:
    """
    A database with the plan deployed; ``conninfo`` is that of who made it.

    ``app`` and ``service`` are conninfo of two plain logins, members of the roles for
    callers and of the one for the system: what acting_as asks for.
    """

    name: str
    conninfo: str = field(repr=False)  # with passwords, which reports would show
    app: str = field(repr=False)
    service: str = field(repr=False)

    def connect(self, **parameters: Any) -> Connection:
        """Return a new connection of who made it; parameters as psycopg.connect."""
        return psycopg.connect(self.conninfo, **parameters)

    @property
    def url(self) -> str:
        """The conninfo as a ``postgresql://`` URL, for what takes no conninfo."""
        return as_url(self.conninfo)


def as_url(conninfo: str) -> str:
    """Return conninfo as a URL; a socket's directory and the rest follow the ``?``."""
    known = {k: str(v) for k, v in conninfo_to_dict(conninfo).items() if v}
    user, password = known.pop("user", ""), known.pop("password", "")
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    host, port = known.pop("host", ""), known.pop("port", "")
    where = f"{host}:{port}" if port else host
    if host.startswith(("/", "@")) or "," in host or ":" in host:
        where, known = "", {"host": host, "port": port or "5432"} | known
    name = quote(known.pop("dbname", ""), safe="")
    rest = f"?{urlencode(known)}" if known else ""
    return f"postgresql://{f'{login}@' if login else ''}{where}/{name}{rest}"
