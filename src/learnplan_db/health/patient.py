"""
The database that is looked at: asked in short transactions that only read.

No question waits long for a lock or an answer, so that no check hangs. May import lower
floors; never writes, never prints.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from psycopg.rows import tuple_row

from learnplan_db.errors import ConnectError
from learnplan_db.health.nouns import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.engine.registry import Registry
    from learnplan_db.engine.session import Connection
    from learnplan_db.engine.state import Project
    from learnplan_db.security.variables import Variables

PROJECT = "learnplan-db"  # also of a host that rendered it for itself
SCHEMAS = ("learnplan", "learnplan_private")
INTERNAL = ("learnplan_identity", "learnplan_reader")
SETTABLE = 160000  # since when a membership may be without SET, or without INHERIT
# One message, so that it costs one round trip.
_BEGIN = b"""begin transaction read only;
set local statement_timeout = '5s'; set local lock_timeout = '500ms';
set local search_path = pg_catalog; set local role none; set local row_security = on"""


@dataclass(frozen=True, slots=True)
class Patient:
    """
    One database, and the project that is meant to be there.

    Args: connection: in autocommit; roles: what the host calls its roles; command: how
        this program is called for the project, without a command's name; target: what
        names the database on such a command line; app: conninfo of the login that
        serves users, if one was named.
    """

    connection: Connection
    project: Project
    roles: Variables
    command: str
    target: str
    app: str | None = None

    @property
    def registry(self) -> Registry:
        """Return the registry."""
        return self.project.registry(self.connection)

    @property
    def login(self) -> str:
        """Return who asks."""
        return self.connection.info.user

    @property
    def version(self) -> int:
        """Return the server's version, as 180006."""
        return self.connection.info.server_version

    @property
    def callers(self) -> tuple[str, str]:
        """Return the roles of those who are served."""
        return self.roles.anon, self.roles.authenticated

    @property
    def all_roles(self) -> list[str]:
        """Return the roles that the plan needs; none of somebody else's project."""
        if self.project.plan.project != PROJECT:
            return []
        return [*self.callers, self.roles.service_role, *INTERNAL]

    def grant(self, role: str, login: str) -> str:
        """Return the statement that lets a login act as a role; names are quoted."""
        full = " with inherit true, set true" if self.version >= SETTABLE else ""
        return f"grant {role} to {login}{full}"

    def line(self, name: str, *more: str) -> str:
        """Return a command line of this program for this database."""
        words = [self.command, name, shlex.quote(self.target), *more]
        return " ".join(words)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Provide a short transaction that only reads, and is rolled back."""
        self.connection.execute(_BEGIN)
        try:
            yield
        finally:
            if not self.connection.closed:
                self.connection.rollback()

    def rows(self, query: str, *values: object, **named: object) -> list[Any]:
        """Return the rows of a question."""
        return asked(self.connection, query, *values, **named)

    def row(self, query: str, *values: object, **named: object) -> Any:
        """Return the one row of a question."""
        return self.rows(query, *values, **named)[0]


def asked(
    connection: Connection, query: str, *values: object, **named: object
) -> list[Any]:
    """
    Return the rows of a question on a connection, as tuples.

    Raises: ConnectError: the connection is lost.
    """
    if connection.closed:
        raise ConnectError.lost("it was closed while a check ran")
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(query.encode(), named or values)  # always: %% is %
        return cursor.fetchall()


Examine: TypeAlias = Callable[[Patient], Verdict]
